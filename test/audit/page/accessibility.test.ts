import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { AxeResults } from 'axe-core'
import type { Page } from 'playwright-core'
import t from 'tap'
import { judgementNames } from '../../../src/audit/judgement.ts'
import { amounts, openBrowser, shownPods } from './browser.ts'
import { makePods } from './sample-pods.ts'

const browser = await openBrowser()
t.teardown(() => browser.close())
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Findings of axe, in words. Best practices count, too; an undecided rule is no finding. */
async function findings(page: Page): Promise<string[]> {
  await page.evaluate(axe)
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run: () => Promise<AxeResults> } }).axe.run(),
  )
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')}: ${failureSummary}`),
  )
}

const pods = makePods(60)
const tampered = pods.find(({ judgements: [{ judgement }] }) => judgement === 'tampered')!
const views = [
  '',
  '#view=models',
  '#view=namespaces',
  '#q=nothing+has+this',
  `#pod=${encodeURIComponent(`${tampered.namespace}/${tampered.name}`)}&judgement=tampered`,
]

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [1280, 400]) {
    t.test(`axe has nothing to say, ${colorScheme}, ${width} pixels wide`, async (t) => {
      for (const fragment of views) {
        const { page } = await browser.open(pods, { fragment, colorScheme, viewport: { width, height: 900 } })
        t.strictSame(await findings(page), [], fragment === '' ? 'all pods' : fragment)
        await page.context().close()
      }
    })
  }
}

t.test('axe would notice', async (t) => {
  const { page } = await browser.open(pods)
  await page.evaluate(() => {
    document.querySelectorAll('label').forEach((label) => {
      label.remove()
    })
  })
  t.match((await findings(page)).join('\n'), /label|select-name/)
})

t.test(
  'the page has its landmarks, one heading of the first level, and tables that are tables however wide it is',
  async (t) => {
    for (const width of [1280, 400]) {
      const { page } = await browser.open(pods, { viewport: { width, height: 900 } })
      for (const role of ['banner', 'main', 'search', 'contentinfo'] as const) {
        t.equal(await page.getByRole(role).count(), 1, role)
      }
      t.ok(await page.getByRole('navigation', { name: 'Views' }).isVisible())
      t.equal(await page.getByRole('heading', { level: 1 }).count(), 1)
      const table = page.getByRole('table', { name: 'Pods' })
      t.equal(await table.getByRole('columnheader').count(), 6)
      t.equal(await table.getByRole('rowheader').count(), 50)
      t.equal(
        await page.evaluate(() => document.documentElement.scrollWidth > innerWidth),
        false,
        'nothing to scroll sideways',
      )
    }
  },
)

t.test('everything can be done with the keyboard, and the focus is seen and kept', async (t) => {
  const { page } = await browser.open(makePods(120))
  const press = async (key: string, times = 1): Promise<void> => {
    for (let count = 0; count < times; count++) await page.keyboard.press(key)
  }
  const focused = (): Promise<string> =>
    page.evaluate(() => {
      const { id = '', textContent } = document.activeElement ?? {}
      return id === '' ? (textContent ?? '').trim() : id
    })

  await press('Tab')
  t.equal(await focused(), 'skip')
  t.ok((await page.locator('#skip').boundingBox())!.width > 50, 'the link is seen when it has the focus')
  await press('Tab')
  t.match(await focused(), 'missing')
  await press('Space')
  t.equal(await page.locator('[data-judgement=missing]').getAttribute('aria-pressed'), 'true')
  t.match(await focused(), 'missing', 'where it was')
  await press('Space')
  await press('Tab', judgementNames.length)
  t.equal(await focused(), 'search')
  await page.keyboard.type('chat-api')
  t.match(await amounts(page), /^\d+ of 120 pods$/)
  await press('Tab')
  await page.keyboard.type('c')
  t.equal(await page.getByLabel('Namespace').inputValue(), 'chat')
  t.match(new URL(page.url()).hash, 'namespace=chat')

  await page.locator('#skip').focus()
  await press('Enter')
  t.equal(await focused(), 'results')
  await press('Tab', 3)
  await press('Tab')
  t.equal(await focused(), 'clear')
  await press('Enter')
  t.equal(await focused(), 'search', 'the button is gone, so the focus is where one goes on')
  t.equal(await amounts(page), '120 pods')

  await page.locator('#rows .open').first().focus()
  const [name] = await shownPods(page)
  await press('Enter')
  t.ok(await page.getByRole('region', { name: `Details of ${name}` }).isVisible())
  t.match(await focused(), name!, 'the list was made again, the focus stays')
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement!).outlineWidth)
  t.equal(outline, '3px')

  await page.getByRole('button', { name: 'Next' }).focus()
  await press('Enter')
  await press('Enter')
  t.equal(await page.locator('#page-number').innerText(), 'Page 3 of 3')
  t.equal(await focused(), 'next-page', 'also on the last page')
  await press('Enter')
  t.equal(await page.locator('#page-number').innerText(), 'Page 3 of 3')
})

t.test('the effect of a filter is in a live region, and only that', async (t) => {
  const { page } = await browser.open(makePods(60))
  const status = page.getByRole('status')
  t.equal(await status.count(), 1)
  t.equal(await status.innerText(), '60 pods')
  await page.locator('[data-judgement=missing]').click()
  t.match(await status.innerText(), /^\d of 60 pods$/)
})

t.test('on a phone nothing is cut off, and short facts stand side by side', async (t) => {
  const { page } = await browser.open(makePods(30), { viewport: { width: 390, height: 844 } })
  const top = async (label: string): Promise<number | undefined> =>
    (await page.locator(`#rows tr >> nth=0 >> [data-label="${label}"]`).boundingBox())?.y
  t.equal(await top('Service account'), await top('Created (UTC)'))
  for (const view of ['Pods', 'Models', 'Namespaces']) {
    await page.getByRole('link', { name: view, exact: true }).click()
    t.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390, view)
  }
  const heights = await page
    .locator('.tile .word')
    .evaluateAll((words) => new Set(words.map((word) => word.getBoundingClientRect().height)).size)
  t.equal(heights, 1, 'no judgement takes two lines')
})

t.test('a user who asks for more contrast gets it', async (t) => {
  const soft = async (contrast: 'more' | 'no-preference'): Promise<string> => {
    const { page } = await browser.open(pods, { contrast })
    return await page.evaluate(() => getComputedStyle(document.querySelector('.lead')!).color)
  }
  t.not(await soft('more'), await soft('no-preference'))
})

t.test('no colour is the only sign', async (t) => {
  const { page } = await browser.open(pods, { forcedColors: 'active' })
  const unmarked = await page
    .locator('.badge, .tile')
    .evaluateAll((all) => all.filter(({ textContent }) => !/[✕▲●✓]\s*(?:\d+ )?[a-z]/.test(textContent)).length)
  t.equal(unmarked, 0)
  t.equal(
    await page.locator('.bar nav a[aria-current]').evaluate((view) => getComputedStyle(view).outlineStyle),
    'solid',
    'nor of the view that is shown',
  )
})
