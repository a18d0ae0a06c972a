/** The list a page at a time: what is in the document stays small, however many pods there are. */
import { byId, formatCount } from './elements.ts'

export const pageSize = 50
/** Limit of a printout. More than 20 sheets are better as a file: CSV or JSON. */
export const printedSize = 1000

export interface ItemPage<Item> {
  readonly items: readonly Item[]
  readonly number: number
  readonly pages: number
  /** Number of the first row, from 1. */
  readonly first: number
}

export function pageOf<Item>(items: readonly Item[], wanted: number, size: number): ItemPage<Item> {
  const pages = Math.max(1, Math.ceil(items.length / size))
  const number = Math.min(Math.max(1, wanted), pages)
  return { items: items.slice((number - 1) * size, number * size), number, pages, first: (number - 1) * size + 1 }
}

export function listenToPages(turn: (by: number | 'first' | 'last') => void): void {
  const on = (id: string, by: number | 'first' | 'last'): void => {
    const button = byId(id, HTMLButtonElement)
    button.addEventListener('click', () => {
      if (button.getAttribute('aria-disabled') !== 'true') turn(by)
    })
  }
  on('first-page', 'first')
  on('previous-page', -1)
  on('next-page', 1)
  on('last-page', 'last')
}

/** The buttons are never really disabled: the focus would be lost at the last page. */
export function showPages({ number, pages }: ItemPage<unknown>): void {
  byId('pages', HTMLElement).hidden = pages === 1
  byId('page-number', HTMLElement).textContent = `Page ${formatCount(number)} of ${formatCount(pages)}`
  for (const id of ['first-page', 'previous-page']) {
    byId(id, HTMLElement).setAttribute('aria-disabled', String(number === 1))
  }
  for (const id of ['next-page', 'last-page']) {
    byId(id, HTMLElement).setAttribute('aria-disabled', String(number === pages))
  }
}
