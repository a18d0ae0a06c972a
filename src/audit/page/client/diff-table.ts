/** The table of expected and found fields, in two columns. */
import type { Evidence } from '../../judgement.ts'
import { printable } from '../../../values/print/printable.ts'
import { countOf, element, formatCount, longValue, type Child } from './elements.ts'
import { plainTable } from './tables.ts'

export function evidenceTable(caption: string, evidence: readonly Evidence[]): HTMLElement {
  return plainTable(caption, ['Field', 'Should be', 'Is'], evidence.map(evidenceCells))
}

/** Lines that are equal are context: out of the way until they are asked for. */
export function diffTable(diff: readonly Evidence[]): HTMLElement {
  const changed = diff.filter(({ expected, found }) => expected !== found)
  const equal = diff.filter(({ expected, found }) => expected === found)
  const caption = `All fields of ours: ${formatCount(changed.length)} differ, ${formatCount(equal.length)} are as they should be`
  const table = evidenceTable(caption, changed)
  table.classList.add('diff')
  if (equal.length === 0) return table
  const button = element(
    'button',
    { type: 'button', class: 'quiet' },
    `Show the ${countOf(equal.length, 'field')} that ${equal.length === 1 ? 'is' : 'are'} equal`,
  )
  button.addEventListener('click', () => {
    const whole = evidenceTable(caption, diff)
    whole.classList.add('diff')
    whole.tabIndex = -1
    table.replaceWith(whole)
    button.remove()
    whole.focus()
  })
  return element('div', {}, table, button)
}

type Side = 'should' | 'is' | 'both'

const signs: Readonly<Record<Side, string>> = { should: '✓', is: '✕', both: '' }

function evidenceCells({ field, expected, found }: Evidence): readonly Child[] {
  if (expected === found) return [longValue(field), sideOf('both', expected ?? ''), sideOf('both', found ?? '')]
  if (expected === undefined) return [longValue(field), nothing(), sideOf('is', '', found)]
  if (found === undefined) return [longValue(field), sideOf('should', '', expected), nothing()]
  const [before, missing, added, after] = splitAtDifference(expected, found)
  return [longValue(field), sideOf('should', before, missing, after), sideOf('is', before, added, after)]
}

function nothing(): HTMLElement {
  return element('span', { class: 'nothing' }, 'nothing')
}

// In longer texts the mark costs time and helps no reader.
const longestMarked = 2000
// A mark over the whole of a longer text says nothing.
const longestWholeMark = 80

function sideOf(side: Side, before: string, difference = '', after = ''): HTMLElement {
  const whole = `${before}${difference}${after}`
  const isPlain = difference === '' || (difference === whole && whole.length > longestWholeMark)
  const mark = isPlain ? [printable(difference)] : [element('mark', { class: side }, printable(difference))]
  const content =
    whole === ''
      ? element('span', { class: 'nothing' }, 'empty')
      : whole.length > longestMarked
        ? longValue(whole)
        : element('bdi', {}, printable(before), ...mark, printable(after))
  return element(
    'code',
    {},
    ...(side === 'both' ? [] : [element('span', { class: `side ${side}`, 'aria-hidden': 'true' }, signs[side])]),
    content,
  )
}

/** Splits two texts into the common beginning, the two differing middles and the common end, between words and numbers. */
export function splitAtDifference(
  expected: string,
  found: string,
): readonly [before: string, missing: string, added: string, after: string] {
  const [ours, theirs] = [wordsIn(expected), wordsIn(found)]
  const shorter = Math.min(ours.length, theirs.length)
  let start = 0
  while (start < shorter && ours[start] === theirs[start]) start++
  let end = 0
  while (end < shorter - start && ours.at(-1 - end) === theirs.at(-1 - end)) end++
  const join = (words: readonly string[], from: number, to: number): string => words.slice(from, to).join('')
  return [
    join(ours, 0, start),
    join(ours, start, ours.length - end),
    join(theirs, start, theirs.length - end),
    join(ours, ours.length - end, ours.length),
  ]
}

function wordsIn(text: string): readonly string[] {
  return text.match(/[\p{L}\p{N}._-]+|./gsu) ?? []
}
