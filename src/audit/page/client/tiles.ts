/** The summary: a number for each judgement, which is a filter, too. */
import type { Judgement } from '../../judgement.ts'
import type { AboutPage } from '../page-data.ts'
import { signOf, wordsOf } from './badges.ts'
import { byId, element, formatCount, type Child } from './elements.ts'
import { rankJudgements, waivedName } from './rows.ts'
import type { Selection } from './select-rows.ts'

/** Made once; `showTiles` changes their numbers, so that the focus stays where it is. */
export function makeTiles(
  { judgements: meanings, waivers }: Pick<AboutPage, 'judgements' | 'waivers'>,
  toggle: (judgement: string) => void,
): void {
  const tiles = [...rankJudgements(meanings).keys()].map((name) => {
    const judgement = name as Judgement
    return makeTile(name, { level: meanings[judgement].level, sign: [signOf(judgement, meanings), ' '] }, toggle)
  })
  const waived = waivers === undefined ? [] : [makeTile(waivedName, { level: 'waived', sign: [] }, toggle)]
  byId('tiles', HTMLElement).replaceChildren(...tiles, ...waived)
}

function makeTile(
  name: string,
  { level, sign }: { readonly level: string; readonly sign: readonly Child[] },
  toggle: (name: string) => void,
): HTMLElement {
  const button = element(
    'button',
    { type: 'button', class: `tile ${level}`, 'data-judgement': name, 'aria-pressed': 'false' },
    element('span', { class: 'count' }, '0'),
    ' ',
    element('span', { class: 'word' }, ...sign, wordsOf(name)),
  )
  button.addEventListener('click', () => {
    toggle(name)
  })
  return element('li', {}, button)
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
