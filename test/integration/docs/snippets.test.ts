/**
 * YAML of the pages goes through the core. By the comment before a block:
 *
 *     none                          every pod in it is injected
 *     <!-- denied: NodeConflict --> every pod in it is denied, for that reason
 *     <!-- configuration -->        the operator's configuration for the pods further down on the page
 *     <!-- output -->               what a command prints; output.test.ts looks at it
 */
import t, { type Test } from 'tap'
import { defaultPrefix } from '../../../src/annotations.ts'
import type { Config } from '../../../src/config/config.ts'
import { defaultConfig, parseConfig } from '../../../src/config/parse-config.ts'
import { inject, type Outcome } from '../../../src/inject/inject.ts'
import { denyReasons } from '../../../src/reasons.ts'
import { readPages, type Block, type DocsPage } from './markdown.ts'
import { findPods, parseBlock, type Snippet } from './snippets.ts'

for (const page of readPages().filter(isAboutUs)) {
  t.test(`the YAML of ${page.file} does what the page says`, (t) => {
    let config = defaultConfig
    for (const block of page.blocks.filter(({ language, marker }) => language === 'yaml' && marker !== 'output')) {
      if (block.marker === 'configuration') config = configurationOf(t, block)
      else if (block.text.includes(defaultPrefix)) checkBlock(t, block, config)
    }
    t.end()
  })
}

function isAboutUs({ blocks }: DocsPage): boolean {
  return blocks.some(
    ({ language, marker, text }) => language === 'yaml' && (marker === 'configuration' || text.includes(defaultPrefix)),
  )
}

function configurationOf(t: Test, { line, text }: Block): Config {
  const result = parseConfig(text)
  if (result.ok) return result.config
  t.fail(`line ${line}: ${result.problems.join('; ')}`)
  return defaultConfig
}

function checkBlock(t: Test, { line, text, marker }: Block, config: Config): void {
  const documents = parseBlock(text)
  const pods = documents.flatMap(findPods)
  if (pods.length === 0) {
    t.ok(
      documents.every(isOfOthers),
      `line ${line}: no annotations, so a Kubernetes object, or a configuration of the operator`,
    )
  }
  for (const snippet of pods) checkPod(t, { snippet, config, line, marker })
}

/** Labels, selectors and the prefix itself are no annotations. */
function isOfOthers(document: unknown): boolean {
  const keys = Object.keys(document ?? {})
  return (keys.includes('apiVersion') && keys.includes('kind')) || keys.includes('annotationPrefix')
}

interface PodCheck {
  readonly snippet: Snippet
  readonly config: Config
  readonly line: number
  readonly marker: string | undefined
}

function checkPod(t: Test, { snippet, config, line, marker }: PodCheck): void {
  const outcome = inject(snippet.pod, snippet.namespace, config)
  const denial = marker?.startsWith('denied: ') === true ? marker.slice('denied: '.length) : undefined
  if (denial === undefined) {
    t.equal(outcome.outcome, 'injected', `line ${line}: ${explain(outcome)}`)
    return
  }
  t.ok(denial in denyReasons, `line ${line}: ${denial} is a reason`)
  t.strictSame(
    outcome.outcome === 'denied' ? [...new Set(outcome.diagnostics.map(({ reason }) => reason))] : [outcome.outcome],
    [denial],
    `line ${line}: is denied: ${explain(outcome)}`,
  )
}

function explain(outcome: Outcome): string {
  return outcome.outcome === 'denied'
    ? outcome.diagnostics.map(({ field, problem }) => `${field} ${problem}`).join('; ')
    : outcome.reason
}

t.test('pods are found in templates, lists and bare annotations, and labels are not taken for annotations', (t) => {
  const source = `${defaultPrefix}source: s3://my-ml-bucket/llama/`
  const namespaces = (text: string): readonly string[] =>
    parseBlock(text)
      .flatMap(findPods)
      .map(({ namespace }) => namespace)
  t.strictSame(namespaces(source), ['apps'])
  t.strictSame(
    namespaces(`metadata: {namespace: ml}\nspec:\n  template:\n    metadata:\n      annotations:\n        ${source}\n`),
    ['ml'],
  )
  t.strictSame(namespaces(`- metadata:\n    annotations:\n      ${source}\n`), ['apps'])
  t.strictSame(namespaces(`spec: {podSelector: {matchLabels: {${defaultPrefix}injected: "true"}}}`), [])
  t.throws(
    () => namespaces(`metadata:\n  annotations:\n    ${source}\nspec: {template: {}}\n`),
    /where nothing reads them/,
  )
  t.throws(() => namespaces('a: [b'))
  t.end()
})
