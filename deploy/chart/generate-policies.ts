/**
 * Writes the tables below policies/, from which the guard and the placement policy are rendered; with --check it changes nothing
 * and fails if one of them is out of date.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { annotationNames, annotations, type AnnotationName } from '../../src/annotations.ts'
import type { AnnotationRow } from '../../src/values/annotation-row.ts'
import { companions } from '../../src/deliveries/companions.ts'
import { deliveries, deliveriesOfScheme } from '../../src/values/source.ts'
import { rulesAboutLoaders } from './loader-rules.ts'

const directory = join(import.meta.dirname, 'policies')

if (import.meta.main) {
  const isCheck = process.argv.includes('--check')
  writeOrCheck('known-annotations.yaml', knownAnnotations(), isCheck)
  writeOrCheck('values.yaml', valueForms(), isCheck)
  writeOrCheck('parts.yaml', requiredParts(), isCheck)
  writeOrCheck('loaders.yaml', refusedChanges(), isCheck)
}

function writeOrCheck(name: string, expected: string, isCheck: boolean): void {
  const file = join(directory, name)
  if (!isCheck) {
    writeFileSync(file, expected)
    return
  }
  if (readFileSync(file, 'utf8') === expected) return
  process.stderr.write(`deploy/chart/policies/${name} is out of date: run make generate\n`)
  process.exitCode = 1
}

/** The annotations users can write: those of the whole pod, and those of a model with the deliveries they apply to. */
export function knownAnnotations(): string {
  const ofScope = (scope: 'pod' | 'model'): AnnotationName[] =>
    annotationNames.filter((name) => annotations[name].scope === scope).sort()
  const model = Object.fromEntries(ofScope('model').map((name) => [name, annotations[name].appliesTo ?? deliveries]))
  return `# Made from the table of annotations by make generate.\n${print({ pod: ofScope('pod'), model })}`
}

/**
 * The form of each annotation's values as a condition in CEL on `own`, an annotation with key, name and value, and the words for what
 * it accepts.
 */
export function valueForms(): string {
  const rows = annotationNames.map((name) => {
    const row: AnnotationRow<unknown> = annotations[name]
    return {
      name,
      variable: `misread_${name.replaceAll('-', '_')}`,
      is: row.scope === 'pod' ? `own.key == '${name}'` : `own.name == '${name}'`,
      fits: fits('own.value', row),
      accepted: row.form.accepted ?? row.accepted,
    }
  })
  return `# Made from the table of annotations by make generate.\n${print(rows)}`
}

/** Lengths come first: what is too long for a parser costs an expression too much, as well. */
function fits(value: string, { longest, form }: AnnotationRow<unknown>): string {
  const { expression, refused, integer, quantity } = form
  const whole = `int(${value})`
  return [
    `${value}.size() <= ${longest}`,
    `${value}.matches(${regularExpression(`^(?:${expression})$`)})`,
    ...(refused === undefined ? [] : [`!${value}.matches(${regularExpression(refused)})`]),
    ...(integer === undefined
      ? []
      : [`(!${value}.matches('^[0-9]+$') || (${whole} >= ${integer.least} && ${whole} <= ${integer.most}))`]),
    ...(quantity === undefined
      ? []
      : [
          `quantity(${value}).isGreaterThan(quantity('${quantity.above}'))`,
          `!quantity(${value}).isGreaterThan(quantity('${quantity.most}'))`,
        ]),
  ].join(' && ')
}

/** A text of CEL that holds a regular expression of RE2, whose \s has fewer blanks than that of JavaScript. */
function regularExpression(text: string): string {
  return JSON.stringify(
    text
      .replaceAll(String.raw`\s`, String.raw`\s\v\pZ\ufeff`)
      .replaceAll(/\\u00([0-9a-f]{2})/g, String.raw`\x$1`)
      .replaceAll(/\\u([0-9a-f]{4})/g, String.raw`\x{$1}`),
  )
}

/**
 * Required parts of a pod for each delivery, as conditions in CEL: `is` is true if the model has this delivery, and exactly one
 * row applies to each model.
 */
export function requiredParts(): string {
  const rows = Object.entries(deliveriesOfScheme).flatMap(
    ([scheme, own]: [string, readonly (typeof deliveries)[number][]]) =>
      own.map((delivery) => ({ delivery, is: isDelivered(scheme, own, delivery), ...companions[delivery].parts })),
  )
  // The webhook denies every other source, so a pod with one never went through it.
  const schemes = Object.keys(deliveriesOfScheme).join('|')
  const none = { delivery: 'none', is: `!model.source.matches('^(${schemes})://')`, loader: 'true', volume: 'true' }
  return `# Made from the deliveries' companion.ts by make generate; deliveries/companion.ts says what the columns mean.\n${print([...rows, none])}`
}

/** A value that the webhook does not know counts as the default, the first. */
function isDelivered(scheme: string, own: readonly string[], delivery: string): string {
  const chosen =
    delivery === own[0]
      ? own.slice(1).map((other) => `model.delivery != '${other}'`)
      : [`model.delivery == '${delivery}'`]
  return [`model.source.startsWith('${scheme}://')`, ...chosen].join(' && ')
}

/** Changes in loaders that the guard refuses. */
export function refusedChanges(): string {
  return `# Made from the tables of src/inject/ownership and from exclusions.ts by make generate.\n${print(rulesAboutLoaders())}`
}

function print(table: unknown): string {
  return stringify(table, { aliasDuplicateObjects: false, collectionStyle: 'any', lineWidth: 0 })
}
