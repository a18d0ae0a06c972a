/**
 * The corpus on disk. A case is a directory in `test/golden/cases/` that is named by the behaviour it shows:
 *
 * | file             |                                                                                       |
 * |------------------|---------------------------------------------------------------------------------------|
 * | `input.yaml`     | a Pod, or a workload with a pod template                                              |
 * | `config.yaml`    | the operator's configuration; without it, the default one                             |
 * | `expected.yaml`  | the injected manifest, without its status annotation                                  |
 * | `status.json`    | the status annotation, a line for each of its fields                                  |
 * | `injected.txt`   | how it was injected, where that is not plainly `Injected`                             |
 * | `rules.txt`      | names of the policy rules that allowed it, where there are any                        |
 * | `uninjected.yaml`| the manifest without our parts, where that is not the input                           |
 * | `denied.txt`     | reason and diagnostic, one line each                                                  |
 * | `skipped.txt`    | the reason for which the pod is left alone                                            |
 * | `warnings.txt`   | reason and message, one line each, where there are any                                |
 *
 * The last eight are expectations: exactly those that the outcome calls for have to be there.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parse, stringify } from 'yaml'
import type { Config } from '../../../src/config/config.ts'
import { defaultConfig, parseConfig } from '../../../src/config/parse-config.ts'
import type { Outcome } from '../../../src/inject/inject.ts'
import type { Pod } from '../../../src/pod/pod.ts'
import { statusAnnotation } from '../../../src/annotations.ts'
import { annotatedPod } from '../../../src/inject/annotated-pod.ts'
import { uninject } from '../../../src/inject/ownership/uninject.ts'
import { formatDiagnostic } from '../../../src/reasons.ts'

export interface GoldenManifest {
  readonly kind: string
  readonly metadata?: { readonly name?: string; readonly generateName?: string; readonly namespace?: string } | null
  readonly [field: string]: unknown
}

export interface GoldenCase {
  readonly name: string
  readonly directory: string
  readonly manifest: GoldenManifest
  readonly namespace: string
  readonly config: Config
}

/** The expectations, by file: text, or the parsed YAML. */
export type GoldenExpectation = Readonly<Record<string, unknown>>

/** As kubectl reads it: `yes` without quotes is no text. */
const yamlVersion = { version: '1.1' } as const

const corpusDirectory = join(import.meta.dirname, '..', '..', 'golden', 'cases')
const inputFiles = ['input.yaml', 'config.yaml']
const expectationFiles = [
  'expected.yaml',
  'status.json',
  'injected.txt',
  'rules.txt',
  'uninjected.yaml',
  'denied.txt',
  'skipped.txt',
  'warnings.txt',
]

export function readCases(): readonly GoldenCase[] {
  return readdirSync(corpusDirectory)
    .sort()
    .map((name) => readCase(join(corpusDirectory, name)))
}

export function inputFile({ directory }: GoldenCase): string {
  return join(directory, 'input.yaml')
}

/** Undefined for a case with the default configuration. */
export function configFile({ directory }: GoldenCase): string | undefined {
  const file = join(directory, 'config.yaml')
  return existsSync(file) ? file : undefined
}

function readCase(directory: string): GoldenCase {
  const name = basename(directory)
  const files = readdirSync(directory)
  const foreign = files.filter((file) => ![...inputFiles, ...expectationFiles].includes(file))
  if (foreign.length > 0) throw new Error(`${name}: files that no golden case has: ${foreign.join(', ')}`)
  const manifest = parseYAML(readFileSync(join(directory, 'input.yaml'), 'utf8')) as GoldenManifest
  const config = files.includes('config.yaml') ? readConfig(join(directory, 'config.yaml')) : defaultConfig
  return { name, directory, manifest, namespace: manifest.metadata?.namespace ?? 'default', config }
}

function readConfig(file: string): Config {
  const result = parseConfig(readFileSync(file, 'utf8'))
  if (!result.ok) throw new Error(`${file}: ${result.problems.join('\n')}`)
  return result.config
}

export function readExpectation({ directory }: GoldenCase): GoldenExpectation {
  const present = readdirSync(directory).filter((file) => expectationFiles.includes(file))
  return Object.fromEntries(
    present.map((file) => {
      const text = readFileSync(join(directory, file), 'utf8')
      return [file, file.endsWith('.yaml') ? parseYAML(text) : text]
    }),
  )
}

/** The outcome in the form in which it is kept on disk. */
export function describeOutcome(golden: GoldenCase, outcome: Outcome): GoldenExpectation {
  return {
    ...describeDecision(golden, outcome),
    ...textFile(
      'warnings.txt',
      outcome.warnings.map(({ reason, message }) => `${reason}: ${message}`),
    ),
  }
}

function describeDecision(golden: GoldenCase, outcome: Outcome): GoldenExpectation {
  switch (outcome.outcome) {
    case 'skipped':
      return textFile('skipped.txt', [outcome.reason])
    case 'denied':
      return textFile(
        'denied.txt',
        outcome.diagnostics.map((diagnostic) => `${diagnostic.reason}: ${formatDiagnostic(diagnostic)}`),
      )
    case 'injected': {
      const uninjected = withPod(golden.manifest, uninject(annotatedPod(outcome.pod, golden.config.annotationPrefix)))
      const restored =
        JSON.stringify(sortKeys(withoutEmpty(uninjected))) === JSON.stringify(sortKeys(withoutEmpty(golden.manifest)))
      return {
        ...describeInjected(golden, outcome.pod),
        ...textFile('injected.txt', outcome.reason === 'Injected' ? [] : [outcome.reason]),
        ...textFile('rules.txt', outcome.rules),
        ...(!restored && { 'uninjected.yaml': uninjected }),
      }
    }
  }
}

function describeInjected({ manifest, config }: GoldenCase, pod: Pod): GoldenExpectation {
  const key = config.annotationPrefix + statusAnnotation
  const { [key]: status = '', ...annotations } = pod.metadata?.annotations ?? {}
  return {
    'expected.yaml': withPod(manifest, { ...pod, metadata: { ...pod.metadata, annotations } }),
    'status.json': `${JSON.stringify(JSON.parse(status), null, 2)}\n`,
  }
}

/** The injected manifest of a case, as the webhook answers it; undefined for a case that is not injected. */
export function readInjected(golden: GoldenCase): GoldenManifest | undefined {
  const { 'expected.yaml': expected, 'status.json': status } = readExpectation(golden)
  if (expected === undefined) return undefined
  const manifest = expected as GoldenManifest
  const pod = podOfManifest(manifest) as Pod
  const key = golden.config.annotationPrefix + statusAnnotation
  const annotations = { ...pod.metadata?.annotations, [key]: JSON.stringify(JSON.parse(status as string)) }
  return withPod(manifest, { ...pod, metadata: { ...pod.metadata, annotations } })
}

function textFile(name: string, lines: readonly string[]): GoldenExpectation {
  return lines.length === 0 ? {} : { [name]: `${lines.join('\n')}\n` }
}

/** Writes what has changed, takes away what is expected no longer, and says which files those were. */
export function updateExpectation(golden: GoldenCase, wanted: GoldenExpectation): readonly string[] {
  const present = readExpectation(golden)
  const same = (file: string): boolean =>
    JSON.stringify(sortKeys(present[file])) === JSON.stringify(sortKeys(wanted[file]))
  const written = Object.keys(wanted).filter((file) => !same(file))
  const removed = Object.keys(present).filter((file) => !(file in wanted))
  for (const file of written) writeFileSync(join(golden.directory, file), fileText(wanted[file]))
  for (const file of removed) rmSync(join(golden.directory, file))
  return [...written.map((file) => `wrote ${file}`), ...removed.map((file) => `removed ${file}`)]
}

/** Lines are never folded, so that a diff of two versions shows what changed and nothing else. */
function fileText(content: unknown): string {
  return typeof content === 'string'
    ? content
    : stringify(content, { ...yamlVersion, lineWidth: 0, aliasDuplicateObjects: false })
}

export function parseYAML(text: string): unknown {
  return parse(text, yamlVersion) as unknown
}

const templatePaths: Readonly<Record<string, readonly string[]>> = {
  Pod: [],
  ReplicaSet: ['spec', 'template'],
  Deployment: ['spec', 'template'],
  StatefulSet: ['spec', 'template'],
  DaemonSet: ['spec', 'template'],
  Job: ['spec', 'template'],
  CronJob: ['spec', 'jobTemplate', 'spec', 'template'],
}

/** The pod in a manifest: the whole of it, or its pod template. */
export function podOfManifest(manifest: GoldenManifest): unknown {
  return templatePath(manifest).reduce<unknown>((value, field) => (value as Record<string, unknown>)[field], manifest)
}

/** The manifest with another pod in it. */
export function withPod(manifest: GoldenManifest, pod: Pod): GoldenManifest {
  return replaceAt(manifest, templatePath(manifest), pod) as GoldenManifest
}

function replaceAt(value: unknown, [field, ...rest]: readonly string[], replacement: unknown): unknown {
  if (field === undefined) return replacement
  const object = value as Record<string, unknown>
  return { ...object, [field]: replaceAt(object[field], rest, replacement) }
}

function templatePath({ kind }: GoldenManifest): readonly string[] {
  const path = templatePaths[kind]
  if (path === undefined) throw new Error(`no golden case is made for the kind ${kind}`)
  return path
}

/** Without fields that are null, an empty list or an empty map: the API server takes them for absent. */
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, item]) => [key, withoutEmpty(item)] as const)
  return Object.fromEntries(entries.filter(([, item]) => !isEmpty(item)))
}

function isEmpty(value: unknown): boolean {
  return value === null || (typeof value === 'object' && Object.keys(value).length === 0)
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sortKeys(item)]),
  )
}
