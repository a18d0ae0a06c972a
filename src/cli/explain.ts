/** `model-injector explain`: the tables of annotations and reasons, for terminals, scripts and the reference pages. */
import { Command } from 'commander'
import { annotationNames, annotations, defaultPrefix, isAnnotationName, type AnnotationName } from '../annotations.ts'
import { oneOf, parseSwitch, problemIf, type Values } from '../flags/flags.ts'
import { nearest } from '../nearest.ts'
import { quote } from '../values/print/printable.ts'
import { annotationsInMarkdown, entryOf, reasonEntries, reasonsInMarkdown, type ReasonEntry } from './reference.ts'
import { exitCodes } from './exit-codes.ts'
import { addWordsOfArgument, withFlags } from './flags.ts'
import { printTable } from './table.ts'
import { terminalWidth, writeReport } from './terminal.ts'

const formats = ['json', 'markdown'] as const

const flags = {
  reasons: {
    term: '--reasons',
    description: 'explain the reasons that responses, logs and metrics give',
    parse: parseSwitch,
  },
  output: { term: '-o, --output <format>', description: 'format (default: plain text)', ...oneOf(formats) },
} as const

type ExplainOptions = Values<typeof flags, never>

const help = `
Examples:
  model-injector explain
  model-injector explain size
  model-injector explain ${defaultPrefix}mount-path.llama
  model-injector explain NotAllowed
  model-injector explain --reasons -o markdown`

export function explainCommand(): Command {
  const command = new Command('explain')
    .argument('[name]', 'an annotation, with or without prefix and suffix, or a reason')
    .addHelpText('after', help)
  addWordsOfArgument(command, {
    ...Object.fromEntries(annotationNames.map((name) => [name, annotations[name].description])),
    ...Object.fromEntries(reasonEntries().map(({ reason, meaning }) => [reason, meaning])),
  })
  const problems = ({ reasons }: Partial<ExplainOptions>, [key]: readonly string[]): readonly string[] =>
    problemIf(reasons === true && key !== undefined, '--reasons explains all reasons, and takes no name')
  return withFlags(command, { flags, required: [], problems }, (options, [key]) => {
    explain(key, options)
  })
}

function explain(key: string | undefined, options: ExplainOptions): void {
  const name = key === undefined ? undefined : nameIn(key)
  const reasons = reasonEntries().filter(({ reason }) => reason === key)
  if (reasons.length > 0) {
    process.stdout.write(explainReasons(reasons, options.output))
    return
  }
  if (name === undefined || isAnnotationName(name)) {
    process.stdout.write(textFor(name, options))
    return
  }
  const near = nearest(name, [...annotationNames, ...reasonEntries().map(({ reason }) => reason)])
  const hint = near === undefined ? `known: ${annotationNames.join(', ')}` : `did you mean ${near}?`
  writeReport(`model-injector: ${quote(key ?? name)} is no annotation of model-injector, and no reason; ${hint}\n`)
  process.exitCode = exitCodes.wrongUsage
}

function textFor(name: AnnotationName | undefined, { reasons, output }: ExplainOptions): string {
  if (reasons === true) return explainReasons(reasonEntries(), output)
  return name === undefined ? explainAll(output) : explainOne(name, output)
}

/** `models.example.io/size.llama` → `size` */
function nameIn(key: string): string {
  const own = key.slice(key.lastIndexOf('/') + 1)
  return own.includes('.') ? own.slice(0, own.indexOf('.')) : own
}

function explainAll(output: ExplainOptions['output']): string {
  if (output === 'json') return `${JSON.stringify(annotationNames.map(entryOf), null, 2)}\n`
  if (output === 'markdown') return annotationsInMarkdown()
  return annotationsAsText(terminalWidth())
}

export function annotationsAsText(width: number): string {
  const rows = annotationNames
    .map(entryOf)
    .map(({ name, scope, default: byDefault, description }) => [name, scope, byDefault, description])
  return `${printTable(['NAME', 'SCOPE', 'DEFAULT', 'DESCRIPTION'], rows, width)}
Annotations go on the pod, or on the pod template of a workload, and start with ${defaultPrefix}
Those of scope "model" take a suffix for a second model: ${defaultPrefix}source.llama
`
}

function explainOne(name: AnnotationName, output: ExplainOptions['output']): string {
  const entry = entryOf(name)
  if (output === 'json') return `${JSON.stringify(entry, null, 2)}\n`
  if (output === 'markdown') return annotationsInMarkdown([name])
  const fields: readonly (readonly [string, string])[] = [
    ['Accepted:', entry.accepted],
    ['Longest:', `${entry.longest} characters`],
    ['Default:', `${entry.default}${entry.operator ? " (the operator's configuration may set another)" : ''}`],
    ['Scope:', entry.scope === 'pod' ? 'the whole pod' : `one model; ${entry.key}.NAME is that of the model NAME`],
    ['Applies to:', entry.appliesTo === undefined ? 'every delivery' : `delivery ${entry.appliesTo.join(', ')}`],
    ['Example:', entry.example],
  ]
  return `${printTable([entry.key], [[entry.description]], terminalWidth())}\n${printTable(undefined, fields, terminalWidth())}`
}

function explainReasons(entries: readonly ReasonEntry[], output: ExplainOptions['output']): string {
  if (output === 'json') return `${JSON.stringify(entries, null, 2)}\n`
  if (output === 'markdown') return reasonsInMarkdown(entries)
  const rows = entries.map(({ outcome, reason, meaning }) => [outcome, reason, meaning])
  return printTable(['OUTCOME', 'REASON', 'MEANING'], rows, terminalWidth())
}
