/** Text of a pod's author on the page that an auditor opens. */
import t from 'tap'
import type { AuditedPod } from '../../../src/audit/judgement.ts'
import { writePageFile } from '../../../src/audit/page/write-page.ts'
import { openBrowser, shownPods } from './browser.ts'
import { aboutSample, judged, makeModel, makePod, streamOf } from './sample-pods.ts'

const browser = await openBrowser()
t.teardown(() => browser.close())

const attacks = {
  script: '<script>alert("script")</script>',
  endOfScript: '</script><script>alert("end")</script>',
  comment: '<!--<script>alert("comment")',
  image: '<img src=x onerror=alert("image")>',
  svg: '<svg/onload=alert("svg")>',
  attribute: '" onmouseover="alert(1)" x="',
  link: 'javascript:alert("link")',
  template: '{{constructor.constructor("alert(1)")()}}${alert(1)}<%= 1 %>#{1}',
  style: '</style><style>*{display:none}</style>',
  base: '<base href="https://attacker.example.com/"><link rel=stylesheet href=//attacker.example.com/x.css>',
  separators: 'a\u2028b\u2029c',
  prototype: '__proto__',
} as const

/** The same text wherever a pod can have one. */
function hostilePod(name: string, text: string): AuditedPod {
  const evidence = { field: text, expected: text, found: `${text} other` }
  return makePod(1, {
    namespace: text,
    name,
    owner: { kind: text, name: text },
    createdAt: text,
    uid: text,
    file: text,
    phase: text,
    serviceAccount: text,
    injector: text,
    rules: [text],
    models: [
      {
        ...makeModel(1),
        name: text,
        source: text,
        delivery: text,
        family: text,
        version: text,
        image: text,
        containers: [text],
        mountPath: text,
      },
    ],
    judgements: [{ ...judged('tampered'), reason: text, evidence: [evidence] }],
    diff: [evidence, { field: text, found: text }, { field: text, expected: text, found: text }],
  })
}

for (const [name, text] of Object.entries(attacks)) {
  t.test(`${name} is text in every view`, async (t) => {
    const { page, requests, complaints } = await browser.open([hostilePod(text, text), makePod(2)])
    const shown = text.replace(/[\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16)}`)
    t.equal((await shownPods(page))[0], shown)
    await page.locator('#rows .open').first().click()
    t.ok((await page.locator('.facts dd').allTextContents()).includes(shown), 'in the facts')
    t.equal(await page.locator('.diff tbody th').first().textContent(), shown, 'in the difference')
    await page.getByLabel('Namespace').selectOption(text)
    t.strictSame(await shownPods(page), [shown], 'as a filter')
    await page.getByLabel('Search').fill(text)
    for (const view of ['Models', 'Namespaces', 'Pods']) {
      await page.getByRole('link', { name: view, exact: true }).click()
      t.ok((await page.locator('#rows').textContent())?.includes(shown), view)
    }
    await page.reload()
    t.strictSame(await shownPods(page), [shown], 'from the address')
    t.equal(
      await page.locator('script, img, svg, base, iframe, link[rel=stylesheet]').count(),
      2,
      'the data and the script of the page, and nothing else',
    )
    t.strictSame(
      requests.filter((url) => !url.startsWith('file:')),
      [],
    )
    t.strictSame(complaints, [])
  })
}

t.test(
  'characters that turn or hide text are written out, and right-to-left names do not change their surroundings',
  async (t) => {
    const { page } = await browser.open([
      makePod(1, {
        name: 'model-\u202egnp.exe',
        namespace: 'נתונים',
        serviceAccount: 'حساب',
        judgements: [judged('conforming')],
      }),
    ])
    t.strictSame(await shownPods(page), ['model-\\u202egnp.exe'])
    t.equal(await page.locator('#namespace option').last().textContent(), '\u2068נתונים\u2069 (1)')
    const cell = page.locator('[data-label=Namespace] bdi')
    t.equal(await cell.innerText(), 'נתונים')
    t.equal(await cell.evaluate((element) => getComputedStyle(element).unicodeBidi), 'isolate')
    t.notMatch(await page.locator('body').innerText(), /[\u202a-\u202e]/)
  },
)

t.test(
  'values of a million characters neither widen nor lengthen the page, and are there when asked for',
  async (t) => {
    const long = 'x'.repeat(1_000_000)
    const { page, complaints } = await browser.open([hostilePod('pod', long)])
    await page.locator('#rows .open').first().click()
    const size = await page.evaluate(() => ({
      wide: document.documentElement.scrollWidth - innerWidth,
      text: document.body.innerText.length,
    }))
    t.ok(size.wide <= 0, `${size.wide} pixels too wide`)
    t.ok(size.text < 30_000, `${size.text} characters`)
    const source = page.locator('td[data-label=Source]')
    await source.getByRole('button', { name: 'Show all 1,000,000 characters' }).click()
    t.equal((await source.innerText()).length, 1_000_000)
    t.strictSame(complaints, [])
  },
)

t.test('names of the cluster and of the configuration are text, too', async (t) => {
  const file = `${t.testdir()}/report.html`
  await writePageFile(file, streamOf([]), { ...aboutSample, place: attacks.endOfScript, config: attacks.image })
  const { page, complaints } = await browser.openUrl(`file://${file}`)
  t.match(await page.locator('#about').innerText(), attacks.endOfScript)
  t.strictSame(complaints, [])
})

t.test('the policy of the page stops what its script does not', async (t) => {
  const { page } = await browser.open([makePod(1)])
  const refused = await page.evaluate(() => {
    try {
      document.body.innerHTML = '<img src=x>'
      return 'made markup of text'
    } catch (error) {
      return error instanceof TypeError ? 'refused' : String(error)
    }
  })
  t.equal(refused, 'refused')
  const fetched = await page.evaluate(() =>
    fetch('https://attacker.example.com/').then(
      () => 'sent',
      () => 'refused',
    ),
  )
  t.equal(fetched, 'refused')
  const refusal = page.waitForEvent('requestfailed')
  await page.evaluate(() => {
    const image = document.createElement('img')
    image.src = 'https://attacker.example.com/pixel.png'
    document.body.append(image)
  })
  t.equal((await refusal).failure()?.errorText, 'csp')
})
