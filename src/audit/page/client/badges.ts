/** Judgements as they are shown everywhere: a sign, a word and a colour; the colour is never alone. */
import type { Judgement } from '../../judgement.ts'
import type { AboutPage } from '../page-data.ts'
import { element, formatCount } from './elements.ts'

type Meanings = AboutPage['judgements']

const signs = { error: '✕', warning: '▲', note: '●', none: '✓' } as const

/** `notAllowed` as people write it. */
export function wordsOf(judgement: string): string {
  return judgement.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
}

export function signOf(judgement: Judgement, meanings: Meanings): HTMLElement {
  return element('span', { class: 'sign', 'aria-hidden': 'true' }, signs[meanings[judgement].level])
}

/** Struck out, and in words: colour and line are never alone. */
export function waivedBadge(judgement: Judgement): HTMLElement {
  return element('span', { class: 'badge waived' }, element('s', {}, wordsOf(judgement)), ' waived')
}

export function badge(judgement: Judgement, meanings: Meanings, count?: number): HTMLElement {
  const { level } = meanings[judgement]
  const words = count === undefined ? wordsOf(judgement) : `${formatCount(count)} ${wordsOf(judgement)}`
  return element('span', { class: `badge ${level}` }, signOf(judgement, meanings), ' ', words)
}
