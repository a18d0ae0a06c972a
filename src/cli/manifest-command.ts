/** Common parts of `inject` and `uninject`: reading, writing, reporting. */
import type { Config } from '../config/config.ts'
import {
  filenameFlag,
  filenameProblems,
  oneOf,
  parseSwitch,
  parseText,
  problemsOfBoth,
  type Values,
} from '../flags/flags.ts'
import { exitCodes } from './exit-codes.ts'
import { readDocuments, reportBroken } from './manifests/documents.ts'
import { readManifestFiles } from './manifests/input.ts'
import { outputFormats, printDiff, printDocuments, type DiffStyle } from './manifests/output.ts'
import { transform, verdicts, type Judge, type JudgedPod } from './manifests/transform.ts'
import { readConfig } from './read-config.ts'
import { colorFlag, painter, writeReport } from './terminal.ts'

export const configFlag = {
  term: '--config <file>',
  description: "operator's configuration file (default: the built-in configuration)",
  parse: parseText,
} as const

export const manifestFlags = {
  filename: filenameFlag,
  config: configFlag,
  output: {
    term: '-o, --output <format>',
    description: 'format of the result (default: that of each file)',
    ...oneOf(outputFormats),
  },
  diff: { term: '--diff', description: 'print what changes instead of the result', parse: parseSwitch },
  color: { ...colorFlag, description: 'colours of --diff' },
  quiet: { term: '-q, --quiet', description: 'report nothing but what was denied', parse: parseSwitch },
} as const

export type ManifestOptions = Values<typeof manifestFlags, 'filename'>

export function manifestProblems({ filename = [], output, diff }: Partial<ManifestOptions>): readonly string[] {
  return [
    ...filenameProblems(filename),
    ...problemsOfBoth({ '--output': output !== undefined, '--diff': diff !== undefined }),
  ]
}

/** `makeJudge` decides about every object. */
export async function transformFiles(
  options: ManifestOptions & { readonly image?: string | undefined },
  makeJudge: (config: Config) => Judge,
): Promise<void> {
  const judge = makeJudge(await readConfig(options.config, options.image))
  const documents = readDocuments(await readManifestFiles(options.filename))
  const transformed = documents.map((document) => transform(document, judge))
  process.stdout.write(
    options.diff === true ? printDiff(transformed, diffStyle(options)) : printDocuments(transformed, options.output),
  )
  const pods = transformed.flatMap(({ objects }) => objects.flatMap((object) => object.verdicts))
  writeReport(formatReport(pods, options))
  reportBroken(documents)
  if (pods.some(({ verdict }) => verdict === 'denied')) process.exitCode = exitCodes.findings
  else if (pods.some(({ isUnjudged }) => isUnjudged)) process.exitCode = exitCodes.couldNotLook
}

function diffStyle({ color }: ManifestOptions): DiffStyle {
  return { paint: painter(color), isForPeople: process.stdout.isTTY || color === 'always' }
}

function formatReport(pods: readonly JudgedPod[], { quiet, diff }: ManifestOptions): string {
  const reported = quiet === true ? pods.filter(({ verdict, isUnjudged }) => verdict === 'denied' || isUnjudged) : pods
  const lines = reported.flatMap(formatPod)
  const hasDenials = pods.some(({ verdict }) => verdict === 'denied')
  const note = hasDenials && diff !== true ? ['what was denied is left out of the result'] : []
  const notes = quiet === true ? [] : new Set(pods.flatMap((pod) => pod.notes ?? []))
  return [...lines, ...(quiet === true ? [] : [summarise(pods)]), ...note, ...notes].map((line) => `${line}\n`).join('')
}

function formatPod({ title, lines, warnings }: JudgedPod): string[] {
  return [
    ...lines.map((line, i) => (i === 0 ? `${title} ${line}` : `  ${line}`)),
    ...warnings.map((warning) => `${title} warning: ${warning}`),
  ]
}

function summarise(pods: readonly JudgedPod[]): string {
  const counts = verdicts.map((word) => [pods.filter(({ verdict }) => verdict === word).length, word] as const)
  const parts = counts.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`)
  return parts.length === 0 ? 'no objects found' : parts.join(', ')
}
