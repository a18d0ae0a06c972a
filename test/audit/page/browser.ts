/** Opens pages in a real browser, and keeps what no page of ours may do: ask anybody, complain, open a dialog. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import type { AuditedPod } from '../../../src/audit/judgement.ts'
import type { AboutAudit } from '../../../src/audit/page/page-data.ts'
import { writePageFile } from '../../../src/audit/page/write-page.ts'
import { startChromium } from '../../kit/tools/chromium.ts'
import { aboutSample, streamOf } from './sample-pods.ts'

interface OpenPage {
  readonly page: Page
  /** The page is asked for one thing: itself. */
  readonly requests: readonly string[]
  /** Errors, warnings and dialogs. */
  readonly complaints: readonly string[]
}

export interface PageBrowser {
  /** Writes the page of these pods and opens it. */
  readonly open: (
    pods: Iterable<AuditedPod>,
    options?: BrowserContextOptions & { readonly fragment?: string; readonly about?: AboutAudit },
  ) => Promise<OpenPage>
  readonly openUrl: (url: string, options?: BrowserContextOptions) => Promise<OpenPage>
  readonly close: () => Promise<void>
}

export async function openBrowser(): Promise<PageBrowser> {
  const browser = await startChromium()
  const directory = await mkdtemp(join(tmpdir(), 'model-injector-page-'))
  let files = 0
  const openUrl = (url: string, options?: BrowserContextOptions): Promise<OpenPage> =>
    openWatched(browser, url, options)
  return {
    openUrl,
    open: async (pods, { fragment = '', about = aboutSample, ...options } = {}) => {
      const file = join(directory, `report-${++files}.html`)
      await writePageFile(file, streamOf(pods), about)
      return await openUrl(`${pathToFileURL(file).href}${fragment}`, options)
    },
    close: async () => {
      await browser.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function openWatched(browser: Browser, url: string, options?: BrowserContextOptions): Promise<OpenPage> {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })).newPage()
  const requests: string[] = []
  const complaints: string[] = []
  page.on('request', (request) => {
    requests.push(request.url())
  })
  page.on('pageerror', (error) => {
    complaints.push(String(error))
  })
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  await page.goto(url)
  await page.locator('#tiles .tile').first().waitFor()
  return { page, requests, complaints }
}

/** Names of the pods that are shown, from the top. */
export async function shownPods(page: Page): Promise<string[]> {
  return await page.locator('#rows .open bdi').allTextContents()
}

export async function amounts(page: Page): Promise<string> {
  return await page.locator('#amounts').innerText()
}
