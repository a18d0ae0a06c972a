/** The page of `--serve`: what happens in the cluster, and to the server, is seen without loading it again. */
import t from 'tap'
import type { AuditedPod } from '../../../src/audit/judgement.ts'
import { buildPageServer } from '../../../src/audit/page/build-page-server.ts'
import { startLiveAudit } from '../../../src/audit/page/live-audit.ts'
import { openBrowser, shownPods } from './browser.ts'
import { aboutSample, judged, makePod } from './sample-pods.ts'

const browser = await openBrowser()
t.teardown(() => browser.close())

/** Pods as the cluster has them now, or why they cannot be read. */
interface World {
  pods: readonly AuditedPod[]
  problem?: string
  about?: typeof aboutSample
  /** The audit does not end before. */
  released: Promise<undefined>
}

async function serve(
  world: World,
  port = 0,
): Promise<{ readonly url: string; readonly port: number; readonly close: () => Promise<void> }> {
  const audit = async function* (): AsyncGenerator<AuditedPod> {
    await world.released
    if (world.problem !== undefined) throw new Error(world.problem)
    yield* world.pods
  }
  const live = startLiveAudit({ audit, about: () => world.about ?? aboutSample, restMs: 0, retryMs: 0 })
  const app = await buildPageServer({ live, about: () => aboutSample, listenHost: '127.0.0.1' })
  const url = await app.listen({ port, host: '127.0.0.1' })
  return { url: `${url}/`, port: Number(new URL(url).port), close: () => app.close() }
}

const bad = makePod(1, { name: 'bad', judgements: [judged('missing')] })
const other = makePod(2, { name: 'other', judgements: [judged('spoofed')] })

t.test('a live page', async (t) => {
  const release = Promise.withResolvers<undefined>()
  const world: World = { pods: [bad], released: release.promise }
  const first = await serve(world)
  const { page, requests, complaints } = await browser.openUrl(first.url)
  const liveness = page.locator('#liveness')

  await t.test('says that the cluster is being read for the first time', async (t) => {
    await page.getByText('Reading for the first time').waitFor()
    t.equal(await page.locator('#empty').innerText(), 'Reading…')
  })

  await t.test('shows the pods when they are there', async (t) => {
    release.resolve(undefined)
    await page.getByRole('button', { name: 'bad' }).waitFor()
    t.equal(await liveness.getAttribute('data-kind'), 'fresh')
  })

  await t.test('shows what has changed, and leaves filters, focus and open details as they are', async (t) => {
    await page.getByLabel('Search').fill('E')
    await page.getByRole('button', { name: 'bad' }).press('Enter')
    world.pods = [bad, other]
    world.about = { ...aboutSample, configHash: 'another' }
    await page.getByRole('button', { name: 'other' }).waitFor()
    t.ok(await page.getByRole('region', { name: 'Details of bad' }).isVisible())
    t.equal(await page.evaluate(() => document.activeElement?.getAttribute('data-pod')), `${bad.namespace}/bad`)
    t.match(await page.locator('#about').innerText(), 'another')
    t.equal(await page.getByLabel('Search').inputValue(), 'E')
    t.equal(await page.locator('#amounts').innerText(), '2 of 2 pods')
  })

  await t.test('keeps what it has while the cluster cannot be read, and says since when', async (t) => {
    world.problem = 'the API server gave no answer <b>'
    await page.locator('#liveness[data-kind=stale]').waitFor()
    t.match(
      await liveness.innerText(),
      /^Reading failed: the API server gave no answer <b>\. The view is from \d{4}-\d\d-\d\d \d\d:\d\d UTC\.$/,
    )
    t.strictSame(await shownPods(page), ['bad', 'other'])
  })

  await t.test('says so while its own server is away, and goes on when it is back', async (t) => {
    await first.close()
    await page.getByText('does not answer').waitFor()
    t.strictSame(await shownPods(page), ['bad', 'other'])
    const second = await serve({ pods: [other], released: Promise.resolve(undefined) }, first.port)
    t.teardown(second.close)
    await page.locator('#liveness[data-kind=fresh]').waitFor()
    t.strictSame(await shownPods(page), ['other'])
  })

  t.ok(
    requests.every((url) => url.startsWith(first.url)),
    'it sends no other request',
  )
  t.strictSame(
    complaints.filter((text) => !text.includes('ERR_CONNECTION_REFUSED')),
    [],
  )
})
