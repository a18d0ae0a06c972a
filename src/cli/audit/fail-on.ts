/** Parses `--fail-on`: judgements, and levels, which stand for all judgements of that level and worse. */
import {
  judgementNames,
  judgements,
  problemNames,
  type AuditSummary,
  type Judgement,
  type Level,
} from '../../audit/judgement.ts'
import { nearest } from '../../nearest.ts'
import { parsed, parseList, unreadable, type Parsed } from '../../values/parsed.ts'

export type FailOn = ReadonlySet<Judgement>

const levels = ['note', 'warning', 'error'] as const satisfies readonly Level[]

export const failOnWords: readonly string[] = [...levels, ...problemNames]

export function parseFailOn(text: string): Parsed<FailOn> {
  const read = parseList(text, parseJudgements)
  return read.ok ? parsed(new Set(read.value.flat())) : read
}

function parseJudgements(word: string): Parsed<readonly Judgement[]> {
  const level = levels.findIndex((name) => name === word)
  if (level >= 0) {
    return parsed(problemNames.filter((name) => levels.indexOf(judgements[name].level) >= level))
  }
  const judgement = problemNames.find((name) => name === word)
  if (judgement !== undefined) return parsed([judgement])
  const near = nearest(word, failOnWords)
  return unreadable(
    `has ${JSON.stringify(word)}, neither a judgement nor a level; ${near === undefined ? `known: ${failOnWords.join(', ')}` : `did you mean ${near}?`}`,
  )
}

/** Counts of the judgements to fail on, for people: `2 tampered`. */
export function failures(summary: AuditSummary, failOn: FailOn): readonly string[] {
  return judgementNames
    .filter((name) => failOn.has(name) && summary[name] > 0)
    .map((name) => `${summary[name]} ${name}`)
}
