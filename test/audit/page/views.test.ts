import t from 'tap'
import { amounts, openBrowser, shownPods } from './browser.ts'
import { aboutSample, judged, makeModel, makePod, makePods, sampleDiff } from './sample-pods.ts'

const browser = await openBrowser()
t.teardown(() => browser.close())

const few = [
  makePod(1, { name: 'good', namespace: 'apps', judgements: [judged('conforming')], models: [makeModel(0)] }),
  makePod(2, { name: 'old', namespace: 'apps', judgements: [judged('outdated')], models: [makeModel(4)] }),
  makePod(3, {
    name: 'bad',
    namespace: 'shop',
    judgements: [judged('unpinned'), judged('tampered')],
    models: [makeModel(1)],
    diff: sampleDiff,
  }),
]

t.test('the worst pods stand first, each with its judgements and the reason of the worst', async (t) => {
  const { page, requests, complaints } = await browser.open(few)
  t.strictSame(await shownPods(page), ['bad', 'old', 'good'])
  const bad = page.locator('#rows tr').first()
  t.strictSame(await bad.locator('.badge').allInnerTexts(), ['✕ tampered', '▲ unpinned'])
  t.match(await bad.innerText(), 'is not what was added')
  t.equal(await page.locator('[data-judgement=tampered] .count').innerText(), '1')
  t.equal(await page.locator('[data-judgement=missing] .count').innerText(), '0')
  t.equal(await amounts(page), '3 pods')
  t.equal(requests.length, 1, 'no further request is sent')
  t.strictSame(complaints, [])
})

t.test('what is waived is struck out, with its reason, and has a tile of its own', async (t) => {
  const waived = { ...judged('tampered'), waived: { reason: 'ticket 7', until: '2026-12-31' } }
  const accepted = makePod(4, { name: 'accepted', judgements: [judged('conforming'), waived] })
  const expired = [{ place: 'waivers[1]', judgement: 'missing', reason: 'x', until: '2026-01-01' }] as const
  const about = { ...aboutSample, waivers: { file: 'waivers.yaml', inForce: 1, expired } }
  const { page, complaints } = await browser.open([...few, accepted], { about })
  t.strictSame(await shownPods(page), ['bad', 'old', 'good', 'accepted'])
  t.match(
    await page.locator('#about').innerText(),
    'waivers.yaml: 1 in force; waivers[1] (missing) ended on 2026-01-01',
  )
  t.equal(await page.locator('[data-judgement=tampered] .count').innerText(), '1')
  await page.locator('[data-judgement=waived]').click()
  t.strictSame(await shownPods(page), ['accepted'])
  const row = page.locator('#rows tr').first()
  t.strictSame(await row.locator('.badge').allInnerTexts(), ['✓ conforming', 'tampered waived'])
  t.match(await row.innerText(), 'Waived until 2026-12-31: ticket 7')
  await page.getByRole('button', { name: 'accepted' }).click()
  t.match(await page.locator('.details .waiver').innerText(), 'Waived until 2026-12-31: ticket 7')
  await page.getByRole('link', { name: 'Namespaces', exact: true }).click()
  t.notMatch(await page.locator('#rows').innerText(), 'tampered')
  t.strictSame(complaints, [])
})

t.test('filters narrow the list, say how much is left, and are in the address', async (t) => {
  const { page } = await browser.open(few)
  await page.getByLabel('Namespace').selectOption('apps')
  t.strictSame(await shownPods(page), ['old', 'good'])
  t.equal(await amounts(page), '2 of 3 pods')
  t.strictSame(
    await page.getByLabel('Version').locator('option').allInnerTexts(),
    ['all', '1.2.0 (1)', '1.9.1 (1)'],
    'only what the other filters leave',
  )
  await page.getByLabel('Version').selectOption('1.9.1')
  await page.locator('[data-judgement=outdated]').click()
  t.equal(new URL(page.url()).hash, '#namespace=apps&version=1.9.1&judgement=outdated')
  t.strictSame(await shownPods(page), ['old'])
  await page.getByRole('button', { name: 'Clear filters' }).click()
  t.equal((await shownPods(page)).length, 3)
  t.equal(await page.locator('#owners option').count(), 3)
  await page.getByLabel('Owner contains').fill('deployment/TRANS')
  t.strictSame(
    await page
      .locator('#owners option')
      .evaluateAll((options) => options.map((option) => option.getAttribute('value'))),
    ['Deployment/transcriber-0'],
  )
  t.strictSame(await shownPods(page), ['old'])
})

t.test('chosen judgements add up, and the number of a tile takes the other filters into account', async (t) => {
  const { page } = await browser.open(few)
  await page.locator('[data-judgement=outdated]').click()
  await page.locator('[data-judgement=tampered]').click()
  t.strictSame(await shownPods(page), ['bad', 'old'])
  t.equal(await page.locator('[data-judgement=conforming] .count').innerText(), '1')
  t.equal(await page.locator('[data-judgement=outdated]').getAttribute('aria-pressed'), 'true')
  await page.locator('[data-judgement=outdated]').click()
  t.strictSame(await shownPods(page), ['bad'])
})

t.test('the search takes words in any order from anywhere in the pod', async (t) => {
  const { page } = await browser.open(few)
  await page.getByLabel('Search').fill('INSTRUCT outdated')
  t.strictSame(await shownPods(page), ['old'])
  await page.getByLabel('Search').fill('nowhere to be found')
  t.equal(await page.locator('#empty').innerText(), 'No pod matches all of these filters.')
  t.notOk(await page.locator('#table').isVisible())
})

t.test('a column sorts, again turns round, and says so to a screen reader', async (t) => {
  const { page } = await browser.open(few)
  const name = page.getByRole('columnheader', { name: /^Pod/ })
  await name.getByRole('button').click()
  t.strictSame(await shownPods(page), ['bad', 'good', 'old'])
  t.equal(await name.getAttribute('aria-sort'), 'ascending')
  await name.getByRole('button').click()
  t.strictSame(await shownPods(page), ['old', 'good', 'bad'])
  t.equal(await name.getAttribute('aria-sort'), 'descending')
  t.equal(new URL(page.url()).hash, '#sort=-pod')
})

t.test('the details give every reason, what to do, and the difference', async (t) => {
  const { page } = await browser.open(few)
  const button = page.getByRole('button', { name: 'bad' })
  await button.click()
  t.equal(await button.getAttribute('aria-expanded'), 'true')
  const details = page.getByRole('region', { name: 'Details of bad' })
  t.equal(await details.locator('.judgements > li').count(), 2)
  t.match(await details.innerText(), 'recreate the pod')
  const diff = details.locator('table.diff')
  t.equal(await diff.locator('tbody tr').count(), 5)
  t.strictSame(await diff.locator('tbody tr').first().locator('mark').allInnerTexts(), ['1.2.0', '0.9.0'])
  t.strictSame(await diff.locator('.nothing').allInnerTexts(), ['nothing', 'nothing'])
  await details.getByRole('button', { name: 'Show the 2 fields that are equal' }).click()
  t.equal(await diff.locator('tbody tr').count(), 7)
  await button.click()
  t.equal(await details.count(), 0)
})

t.test('a link to a pod opens it on the page of the list that has it', async (t) => {
  const { page } = await browser.open(makePods(300), { fragment: '#pod=chat%2Fchat-api-9-7d4b9c6f5-x1w9l8' })
  const [pod] = makePods(300)
    .filter(({ name }) => name.startsWith('chat-api-9-'))
    .slice(-1)
  const linked = await browser.open(makePods(300), {
    fragment: `#pod=${encodeURIComponent(`${pod!.namespace}/${pod!.name}`)}`,
  })
  t.ok(await linked.page.getByRole('region', { name: `Details of ${pod!.name}` }).isVisible())
  t.not(await linked.page.locator('#page-number').innerText(), 'Page 1 of 6')
  t.equal(await page.locator('#page-number').innerText(), 'Page 1 of 6', 'a pod that is not there is no error')
})

t.test('models and namespaces are counted, and lead to their pods', async (t) => {
  const { page } = await browser.open(few)
  await page.getByRole('link', { name: 'Models' }).click()
  t.equal(await amounts(page), '3 model versions · 3 pods')
  const llama = page.getByRole('row', { name: /llama.*1\.9\.1/s })
  t.match(await llama.innerText(), /1 outdated/)
  await llama.getByRole('link').click()
  t.strictSame(await shownPods(page), ['old'])
  await page.goBack()
  t.equal(await page.locator('[aria-current=page]').innerText(), 'Models')
  await page.getByRole('link', { name: 'Namespaces' }).click()
  t.strictSame(await page.locator('#rows th').allInnerTexts(), ['apps', 'shop'])
  await page.getByRole('columnheader', { name: /^Pods/ }).getByRole('button').click()
  t.strictSame(await page.locator('#rows th').allInnerTexts(), ['apps', 'shop'], 'the largest number first')
  await page.getByRole('link', { name: 'shop' }).click()
  t.strictSame(await shownPods(page), ['bad'])
})

t.test('an address that somebody made up shows the page as it is without', async (t) => {
  const { page, complaints } = await browser.open(few, {
    fragment: '#view=__proto__&sort=constructor&page=999999999&judgement=,,&%E0%A4%A',
  })
  t.equal((await shownPods(page)).length, 3)
  t.strictSame(complaints, [])
})

t.test('an audit that found no pods says so', async (t) => {
  const { page } = await browser.open([])
  t.equal(await page.locator('#empty').innerText(), 'No pod here asks for a model, and none says that it has one.')
})

t.test('going back in the browser gives back the filters', async (t) => {
  const { page } = await browser.open(few)
  await page.getByLabel('Namespace').selectOption('shop')
  await page.locator('[data-judgement=missing]').click()
  t.equal((await shownPods(page)).length, 0)
  await page.goBack()
  t.strictSame(await shownPods(page), ['bad'])
  await page.goBack()
  t.equal(await page.getByLabel('Namespace').inputValue(), '')
  t.equal((await shownPods(page)).length, 3)
})
