/** Parses flags with the product's own parsers and reports all problems at once. */
import { suggestion } from '../nearest.ts'
import { quote } from '../values/print/printable.ts'
import { parsed, parseWord, unreadable, type Parsed } from '../values/parsed.ts'

export interface Flag<T> {
  /** As in `--account-id <id>`; the key in the table is its name in camel case. */
  readonly term: string
  readonly description: string
  readonly accepted?: string
  readonly parse: (text: string) => Parsed<T>
  readonly default?: string
  /** The environment variable that is read if the flag is not given. */
  readonly env?: string
  /** Accepted values for the help; `parse` refuses others. */
  readonly choices?: readonly string[]
  /** Words that a shell completes where `choices` would not be right in the help. */
  readonly suggested?: readonly string[]
  /** True of a value that has words with commas in between. */
  readonly list?: true
  /** True if the flag may be repeated. */
  readonly many?: true
}

export type Flags = Readonly<Record<string, Flag<unknown>>>

type ValueOf<F> = F extends { readonly parse: (text: string) => Parsed<infer T> }
  ? F extends { readonly many: true }
    ? readonly T[]
    : T
  : never
type Certain<F extends Flags> = {
  [K in keyof F]: F[K] extends { readonly default: string } | { readonly many: true } ? K : never
}[keyof F]

/** Flags that are required, repeatable or have a default always have a value; others may be undefined. */
export type Values<F extends Flags, R extends keyof F> = {
  readonly [K in keyof F]: K extends R | Certain<F> ? ValueOf<F[K]> : ValueOf<F[K]> | undefined
}

/** Options as parsed by commander. */
export type RawOptions = Readonly<Record<string, string | boolean | readonly string[] | undefined>>

export function parseFlags<F extends Flags, R extends keyof F & string>(
  flags: F,
  required: readonly R[],
  options: RawOptions,
): { values: Values<F, R>; problems: readonly string[] } {
  const problems: string[] = []
  const values = Object.entries(flags).map(([key, flag]) => {
    const texts = textsOf(options[key])
    if (texts.length === 0 && required.some((name) => name === key)) {
      problems.push(`${flag.term} is required${accepts(flag)}`)
    }
    const read = texts.flatMap((text) => readOne(flag, text, problems))
    return [key, flag.many === true ? read : read[0]] as const
  })
  return { values: Object.fromEntries(values) as Values<F, R>, problems }
}

function readOne(flag: Flag<unknown>, text: string, problems: string[]): unknown[] {
  const result = flag.parse(text)
  if (result.ok) return [result.value]
  const near = suggestion(text, flag.choices ?? flag.suggested ?? [], '; ')
  problems.push(`${flag.term} ${quote(text)} ${result.problem}${accepts(flag)}${flag.list === true ? '' : near}`)
  return []
}

function accepts({ accepted }: Flag<unknown>): string {
  return accepted === undefined ? '' : `; accepted: ${accepted}`
}

function textsOf(option: RawOptions[string]): readonly string[] {
  if (option === undefined || option === false) return []
  return typeof option === 'object' ? option : [String(option)]
}

/** Describes a flag that takes one of a few words. */
export function oneOf<T extends string>(
  words: readonly T[],
): Required<Pick<Flag<T>, 'accepted' | 'choices' | 'parse'>> {
  return { accepted: words.join(', '), choices: words, parse: parseWord(words) }
}

/** Parses any text that is not empty. */
export function parseText(text: string): Parsed<string> {
  return text === '' ? unreadable('is empty') : parsed(text)
}

/** Parses a flag without a value. */
export function parseSwitch(text: string): Parsed<true> {
  return text === 'true' ? parsed(true) : unreadable('takes no value')
}

export const filenameFlag = {
  term: '-f, --filename <path>',
  description: 'file, directory (*.yaml, *.yml, *.json, recursively) or - for stdin',
  accepted: 'a path, or - for stdin',
  parse: parseText,
  many: true,
} as const

export function filenameProblems(filenames: readonly string[]): readonly string[] {
  return problemIf(
    filenames.filter((name) => name === '-').length > 1,
    '-f - can be given only once: stdin has one end',
  )
}

/** Takes flags that exclude each other; reports each given one but the first. */
export function problemsOfBoth(terms: Readonly<Record<string, boolean>>): readonly string[] {
  const [first, ...others] = Object.entries(terms).flatMap(([term, isGiven]) => (isGiven ? [term] : []))
  return others.map((other) => `${first ?? ''} and ${other} exclude each other`)
}

/** Reports `problem` if `condition` holds. */
export function problemIf(condition: boolean, problem: string): readonly string[] {
  return condition ? [problem] : []
}
