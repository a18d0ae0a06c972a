/** The summary: a number for each judgement, which is a filter, too. */
import type { Judgement } from '../../judgement.ts'
import type { AboutPage } from '../page-data.ts'
import { signOf, wordsOf } from './badges.ts'
import { byId, element, formatCount } from './elements.ts'
import { rankJudgements } from './rows.ts'
import type { Selection } from './select-rows.ts'

/** Made once; `showTiles` changes their numbers, so that the focus stays where it is. */
export function makeTiles(meanings: AboutPage['judgements'], toggle: (judgement: string) => void): void {
  const tiles = [...rankJudgements(meanings).keys()].map((name) => {
    const judgement = name as Judgement
    const button = element(
      'button',
      {
        type: 'button',
        class: `tile ${meanings[judgement].level}`,
        'data-judgement': judgement,
        'aria-pressed': 'false',
      },
      element('span', { class: 'count' }, '0'),
      ' ',
      element('span', { class: 'word' }, signOf(judgement, meanings), ' ', wordsOf(judgement)),
    )
    button.addEventListener('click', () => {
      toggle(judgement)
    })
    return element('li', {}, button)
  })
  byId('tiles', HTMLElement).replaceChildren(...tiles)
}

export function showTiles({ counts }: Selection, chosen: readonly string[]): void {
  for (const tile of document.querySelectorAll<HTMLElement>('.tile')) {
    const judgement = tile.dataset.judgement ?? ''
    const count = counts.judgement.get(judgement) ?? 0
    tile.setAttribute('aria-pressed', String(chosen.includes(judgement)))
    tile.classList.toggle('zero', count === 0)
    const number = tile.querySelector('.count')
    if (number !== null) number.textContent = formatCount(count)
  }
}

/** The same table as in the documentation, for readers who have only the page. */
export function showMeanings(meanings: AboutPage['judgements']): void {
  const entries = [...rankJudgements(meanings).keys()].map((name) => {
    const judgement = name as Judgement
    const { level, meaning, remedy } = meanings[judgement]
    const todo = remedy === 'nothing' ? '' : ` To do: ${remedy}.`
    return element(
      'div',
      { class: level },
      element('dt', {}, signOf(judgement, meanings), ' ', wordsOf(judgement)),
      element('dd', {}, `${meaning}.${todo}`),
    )
  })
  byId('meanings', HTMLElement).replaceChildren(...entries)
}
