/** The tables of annotations and reasons in the forms that `explain` prints and the reference pages hold. */
import { annotationNames, annotations, defaultPrefix, type AnnotationName } from '../annotations.ts'
import type { AnnotationDefault, AnnotationRow } from '../values/annotation-row.ts'
import { denyReasons, failReasons, injectReasons, skipReasons, warnReasons } from '../reasons.ts'
import { judgementNames, judgements } from '../audit/judgement.ts'
import { loaderVariableNames, loaderVariables, type LoaderTaskKind } from '../loader-contract.ts'
import { exits } from '../loader/exit-codes.ts'
import { printMarkdownTable } from './table.ts'

export interface AnnotationEntry extends Omit<AnnotationRow<unknown>, 'parse' | 'form' | 'default'> {
  readonly name: AnnotationName
  readonly default: string
  readonly key: string
}

export function entryOf(name: AnnotationName): AnnotationEntry {
  const {
    scope,
    operator,
    accepted,
    default: byDefault,
    description,
    example,
    appliesTo,
    longest,
  }: AnnotationRow<unknown> = annotations[name]
  return {
    name,
    key: defaultPrefix + name,
    scope,
    description,
    accepted,
    longest,
    default: describeDefault(byDefault),
    operator,
    ...(appliesTo !== undefined && { appliesTo }),
    example: `${defaultPrefix}${name}: ${example}`,
  }
}

export function annotationsInMarkdown(names: readonly AnnotationName[] = annotationNames): string {
  return printMarkdownTable(
    ['Annotation', 'Accepted', 'Default', 'Operator may set another', 'Description'],
    names
      .map(entryOf)
      .map((entry) => [
        titleOf(entry),
        entry.accepted,
        entry.default,
        entry.operator ? 'yes' : '',
        entry.description + (entry.appliesTo === undefined ? '' : ` (only for delivery ${entry.appliesTo.join(', ')})`),
      ]),
  )
}

/** The environment of the loader. */
export function loaderVariablesInMarkdown(): string {
  return printMarkdownTable(
    ['Variable', 'Read by', 'Required by', 'Meaning'],
    loaderVariableNames.map((name) => {
      const { description, readBy, requiredBy } = loaderVariables[name]
      return [`\`${name}\``, readBy.map(taskName).join(', '), requiredBy.map(taskName).join(', '), description]
    }),
  )
}

function taskName(task: LoaderTaskKind): string {
  return task === 'load' ? '`load`' : '`load --verify`'
}

/** The short table for README.md. */
export function annotationsInBrief(): string {
  return printMarkdownTable(
    ['Annotation', 'Default', 'Description'],
    annotationNames.map(entryOf).map((entry) => [titleOf(entry), entry.default, entry.description]),
  )
}

/** Booleans are quoted, as the value of an annotation has to be in YAML. */
function describeDefault(byDefault: AnnotationDefault): string {
  if (typeof byDefault === 'string') return byDefault
  const { value, note } = byDefault
  const written = value === 'true' || value === 'false' ? `"${value}"` : value
  return note === undefined ? written : `${written} (${note})`
}

function titleOf({ name, scope }: AnnotationEntry): string {
  return `\`${name}${scope === 'model' ? '[.NAME]' : ''}\``
}

const reasonTables = [
  ['skipped', 'the pod is allowed and left alone', skipReasons],
  ['injected', 'the pod is allowed and changed', injectReasons],
  ['denied', 'the pod is refused until its author fixes it', denyReasons],
  ['failed', 'the webhook gave no answer, and its failurePolicy decides', failReasons],
  ['warning', 'the pod is allowed, but its author should know', warnReasons],
] as const

export interface ReasonEntry {
  readonly outcome: (typeof reasonTables)[number][0]
  readonly reason: string
  readonly meaning: string
}

export function reasonEntries(): readonly ReasonEntry[] {
  return reasonTables.flatMap(([outcome, , table]) =>
    Object.entries<string>(table).map(([reason, meaning]) => ({ outcome, reason, meaning })),
  )
}

/** A section for each outcome that has one of the reasons. */
export function reasonsInMarkdown(entries: readonly ReasonEntry[] = reasonEntries()): string {
  return reasonTables
    .flatMap(([outcome, title]) => {
      const own = entries.filter((entry) => entry.outcome === outcome)
      const rows = own.map(({ reason, meaning }) => [`\`${reason}\``, meaning])
      return own.length === 0 ? [] : [`## ${outcome}: ${title}\n\n${printMarkdownTable(['Reason', 'Meaning'], rows)}`]
    })
    .join('\n')
}

export function exitsInMarkdown(): string {
  return printMarkdownTable(
    ['Exit', 'Meaning', 'Remedy', 'A later run may succeed by itself'],
    Object.values(exits).map(({ code, summary, remedy, heals }) => [String(code), summary, remedy, heals ? 'yes' : '']),
  )
}

export function judgementsInMarkdown(): string {
  return printMarkdownTable(
    ['Judgement', 'Level', 'Conforms', 'Meaning', 'Remedy'],
    judgementNames.map((name) => {
      const { level, conforms, meaning, remedy } = judgements[name]
      return [`\`${name}\``, level, conforms ? 'yes' : 'no', meaning, remedy]
    }),
  )
}
