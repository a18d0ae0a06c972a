/** There is a page for each delivery, each page answers the same questions, and the chooser names them all. */
import t from 'tap'
import { deliveries } from '../../../src/values/source.ts'
import { defaultConfig, parseConfig } from '../../../src/config/parse-config.ts'
import { inject } from '../../../src/inject/inject.ts'
import { exits } from '../../../src/loader/exit-codes.ts'
import { denyReasons } from '../../../src/reasons.ts'
import { readPages, type DocsPage } from './markdown.ts'
import { findPods, parseBlock } from './snippets.ts'

const all = readPages()
const pages = all.filter(({ file }) => file.startsWith('docs/deliveries/'))
const front = all.find(({ file }) => file === 'docs/README.md')!

const sections = [
  'When to choose it',
  'Annotations',
  'Companion resources',
  'A new version, and back',
  'When it fails',
  'Limits',
]

for (const page of pages) {
  t.test(`${page.file} says when, what, how, and what if not`, (t) => {
    t.strictSame(
      [...page.prose.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading),
      sections,
    )
    t.match(page.text, 'kubectl rollout undo', 'the way back')
    t.match(page.prose, /^\| symptom \| cause \| command \|$/m)
    t.end()
  })

  t.test(`the first pod of ${page.file} is injected without a warning`, (t) => {
    t.strictSame(firstOutcome(page).warnings, [])
    t.end()
  })

  t.test(`the refusals and exit codes in ${page.file} are those of the code`, (t) => {
    const codes = Object.values(exits).map(({ code }) => String(code))
    for (const [, code = ''] of page.prose.matchAll(/(?:exit code|ends with) (\d+)/g)) t.ok(codes.includes(code), code)
    for (const [, reason = ''] of page.prose.matchAll(/refused, `([A-Z]\w+)`/g)) t.ok(reason in denyReasons, reason)
    t.end()
  })
}

t.test('each delivery has a page', (t) => {
  const described = pages.map((page) => {
    const outcome = firstOutcome(page)
    return outcome.outcome === 'injected' ? outcome.models[0]?.delivery : outcome.outcome
  })
  t.strictSame(described.toSorted(), deliveries.toSorted())
  t.end()
})

/** By the configuration of the page. */
function firstOutcome({ blocks }: DocsPage): ReturnType<typeof inject> {
  const configuration = blocks.find(({ marker }) => marker === 'configuration')
  const parsed = configuration === undefined ? undefined : parseConfig(configuration.text)
  const [snippet] = blocks
    .filter(({ language, marker }) => language === 'yaml' && marker === undefined)
    .flatMap(({ text }) => parseBlock(text).flatMap(findPods))
  return inject(snippet?.pod, 'apps', parsed?.ok === true ? parsed.config : defaultConfig)
}

t.test('the chooser has a row for each page, with an answer in each column', (t) => {
  const rows = front.prose.split('\n').filter((line) => /^\| \[.*\]\(deliveries\//.test(line) && line.includes('://'))
  t.strictSame(
    rows.map((row) => /deliveries\/\w+\.md/.exec(row)?.[0]).toSorted(),
    pages.map(({ file }) => file.replace('docs/', '')).toSorted(),
  )
  const [head = ''] = front.prose.split('\n').filter((line) => line.startsWith('| delivery |'))
  for (const row of rows) {
    t.equal(cellsOf(row).filter((cell) => cell.trim() !== '').length, cellsOf(head).length, row.slice(0, 40))
  }
  t.end()
})

function cellsOf(row: string): readonly string[] {
  return row.slice(1, -1).split('|')
}
