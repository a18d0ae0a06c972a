/** Common parts of `inject` and `uninject`: reading, writing, reporting. */
import { Command, InvalidArgumentError, Option } from 'commander'
import type { Config } from '../config/config.ts'
import { readDocuments } from './manifests/documents.ts'
import { readManifestFiles } from './manifests/input.ts'
import { outputFormats, printDiff, printDocuments, type OutputFormat } from './manifests/output.ts'
import { transform, verdicts, type Judge, type JudgedObject } from './manifests/transform.ts'
import { readConfig } from './read-config.ts'
import { colorChoices, painter, writeReport, type ColorChoice } from './terminal.ts'

export interface ManifestOptions {
  readonly filename: readonly string[]
  readonly config?: string
  readonly image?: string
  readonly namespace?: string
  readonly output?: OutputFormat
  readonly diff?: true
  readonly color: ColorChoice
  readonly quiet?: true
}

export type JudgeMaker = (config: Config, options: ManifestOptions) => Judge

/** Builds the command without its description; `makeJudge` decides about every object. */
export function manifestCommand(name: string, makeJudge: JudgeMaker): Command {
  return new Command(name)
    .requiredOption(
      '-f, --filename <path>',
      'file, directory (*.yaml, *.yml, *.json, recursively) or - for stdin; may be repeated',
      collectPaths,
    )
    .option('--config <file>', "operator's configuration file (default: the built-in configuration)")
    .addOption(
      new Option('-o, --output <format>', 'format of the result (default: that of each file)')
        .choices(outputFormats)
        .conflicts('diff'),
    )
    .option('--diff', 'print what changes instead of the result')
    .addOption(new Option('--color <when>', 'colours of --diff').choices(colorChoices).default('auto'))
    .option('-q, --quiet', 'report nothing but what was denied')
    .action(async (options: ManifestOptions) => {
      await transformFiles(options, makeJudge)
    })
}

export function collectPaths(path: string, paths: readonly string[] = []): readonly string[] {
  if (path === '') throw new InvalidArgumentError('It is empty.')
  if (path === '-' && paths.includes('-')) throw new InvalidArgumentError('stdin can be read only once.')
  return [...paths, path]
}

async function transformFiles(options: ManifestOptions, makeJudge: JudgeMaker): Promise<void> {
  const judge = makeJudge(await readConfig(options.config, options.image), options)
  const documents = readDocuments(await readManifestFiles(options.filename))
  const transformed = documents.map((document) => transform(document, judge))
  process.stdout.write(
    options.diff === true
      ? printDiff(transformed, painter(options.color))
      : printDocuments(transformed, options.output),
  )
  const objects = transformed.flatMap((document) => document.objects)
  writeReport(formatReport(objects, options))
  if (objects.some(({ verdict }) => verdict === 'denied')) process.exitCode = 1
}

function formatReport(objects: readonly JudgedObject[], { quiet, diff }: ManifestOptions): string {
  const reported = quiet === true ? objects.filter(({ verdict }) => verdict === 'denied') : objects
  const lines = reported.flatMap(formatObject)
  const hasDenials = objects.some(({ verdict }) => verdict === 'denied')
  const note = hasDenials && diff !== true ? ['what was denied is left out of the result'] : []
  const notes = quiet === true ? [] : new Set(objects.flatMap((object) => object.notes ?? []))
  return [...lines, ...(quiet === true ? [] : [summarise(objects)]), ...note, ...notes]
    .map((line) => `${line}\n`)
    .join('')
}

function formatObject({ title, lines, warnings }: JudgedObject): string[] {
  return [
    ...lines.map((line, i) => (i === 0 ? `${title} ${line}` : `  ${line}`)),
    ...warnings.map((warning) => `${title} warning: ${warning}`),
  ]
}

function summarise(objects: readonly JudgedObject[]): string {
  const counts = verdicts.map((word) => [objects.filter(({ verdict }) => verdict === word).length, word] as const)
  const parts = counts.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`)
  return parts.length === 0 ? 'no objects found' : parts.join(', ')
}
