import t from 'tap'
import type { Page } from 'playwright-core'
import { amounts, openBrowser } from './browser.ts'
import { makePods } from './sample-pods.ts'

const browser = await openBrowser()
t.teardown(() => browser.close())

// 50 rows, 500 choices in each of three lists, and the rest of the page; a row for each pod would be 250,000.
const mostNodes = 6000

function nodes(page: Page): Promise<number> {
  return page.evaluate(() => document.querySelectorAll('*').length)
}

/** From the event to the next frame that can show what it did. */
function measure(page: Page, change: 'search' | 'tile' | 'sort'): Promise<number> {
  return page.evaluate(async (kind) => {
    const start = performance.now()
    if (kind === 'search') {
      const search = document.querySelector<HTMLInputElement>('#search')!
      search.value = 'ranker chat'
      search.dispatchEvent(new Event('input'))
    } else {
      document.querySelector<HTMLElement>(kind === 'tile' ? '[data-judgement=outdated]' : '[data-sort=model]')!.click()
    }
    const scripted = performance.now() - start
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))
    return Math.round(scripted * 10) / 10
  }, change)
}

t.test(
  'ten thousand pods in five hundred namespaces: the document stays small, and each change is quick',
  async (t) => {
    const pods = makePods(10_000).map((pod, index) => ({ ...pod, namespace: `team-${index % 600}` }))
    const { page, complaints } = await browser.open(pods)
    t.equal(await amounts(page), '10,000 pods')
    t.ok((await nodes(page)) < mostNodes, `${await nodes(page)} elements`)
    const times: Record<string, number> = {
      load: await page.evaluate(() => Math.round(performance.getEntriesByType('navigation')[0]!.duration)),
      tile: await measure(page, 'tile'),
      sort: await measure(page, 'sort'),
    }
    await page.getByRole('button', { name: 'Clear filters' }).click()
    times.search = await measure(page, 'search')
    t.comment(`10,000 pods, milliseconds: ${JSON.stringify(times)}; ${await nodes(page)} elements`)
    for (const view of ['Models', 'Namespaces']) {
      await page.getByRole('link', { name: view }).click()
      t.ok((await nodes(page)) < mostNodes, `${view}: ${await nodes(page)} elements`)
    }
    await page.getByRole('button', { name: 'Clear filters' }).click()
    t.equal(await page.locator('#rows tr').count(), 50)
    t.equal(await page.locator('#namespace option').count(), 502, 'all, five hundred, and that there are more')
    await page.getByRole('link', { name: 'Pods' }).click()
    await page.getByRole('button', { name: 'Last' }).click()
    t.equal(await page.locator('#page-number').innerText(), 'Page 200 of 200')
    t.strictSame(complaints, [])
  },
)
