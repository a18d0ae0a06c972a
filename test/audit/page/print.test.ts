import t from 'tap'
import { openBrowser } from './browser.ts'
import { conforms } from '../../../src/audit/judgement.ts'
import { makePods } from './sample-pods.ts'

const browser = await openBrowser()
t.teardown(() => browser.close())

t.test('paper shows what is looked at, all of it, and nothing to click', async (t) => {
  const pods = makePods(240)
  const { page, complaints } = await browser.open(pods, {
    fragment: '#judgement=conforming',
    colorScheme: 'dark',
  })
  t.equal(await page.locator('#rows tr').count(), 50)
  await page.emulateMedia({ media: 'print' })
  await page.evaluate(() => {
    dispatchEvent(new Event('beforeprint'))
  })
  t.equal(await page.locator('#rows tr').count(), pods.filter(conforms).length)
  for (const control of ['#filters', '#pages', '#clear', '.bar nav', '#skip', '.arrow >> nth=0']) {
    t.notOk(await page.locator(control).isVisible(), control)
  }
  t.equal(await page.locator('#filtered-by').innerText(), 'Only judgement: conforming')
  t.equal(await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor), 'rgb(255, 255, 255)')
  await page.evaluate(() => {
    dispatchEvent(new Event('afterprint'))
  })
  t.equal(await page.locator('#rows tr').count(), 50)
  t.strictSame(complaints, [])
})

t.test('it prints, on as many sheets as it needs', async (t) => {
  const { page } = await browser.open(makePods(240))
  const pdf = (await page.pdf({ preferCSSPageSize: true })).toString('latin1')
  t.ok(pdf.startsWith('%PDF-'))
  t.ok(
    [...pdf.matchAll(/\/Type \/Page\b/g)].length > 5,
    'the browser tells the page before it prints, so more than the first 50 pods are there',
  )
})

t.test('more than a thousand pods are not printed, which the paper says', async (t) => {
  const { page } = await browser.open(makePods(1001))
  await page.emulateMedia({ media: 'print' })
  await page.evaluate(() => {
    dispatchEvent(new Event('beforeprint'))
  })
  t.equal(await page.locator('#rows tr').count(), 1000)
  t.match(await page.locator('#unprinted').innerText(), 'first 1000 rows')
})
