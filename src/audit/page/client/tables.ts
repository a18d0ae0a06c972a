/** Common parts of the tables. Roles are explicit, because narrow screens show rows as cards, which removes the implicit roles. */
import { element, type Child } from './elements.ts'

export interface Column {
  /** Name in the address. */
  readonly name: string
  readonly title: string
  /** Numbers sort descending first. */
  readonly isNumber?: true
}

export interface Sorting {
  readonly sort: string
  readonly isDescending: boolean
}

/** `aria-sort` says the order, and a button in the head changes it. */
export function headRow(columns: readonly Column[], { sort, isDescending }: Sorting): HTMLElement {
  const cells = columns.map(({ name, title, isNumber }) => {
    const order = name !== sort ? undefined : isDescending ? 'descending' : 'ascending'
    const arrow = element(
      'span',
      { class: 'arrow', 'aria-hidden': 'true' },
      order === undefined ? '↕' : isDescending ? '↓' : '↑',
    )
    const button = element(
      'button',
      { type: 'button', 'data-sort': name, 'data-focus': `sort ${name}` },
      title,
      ' ',
      arrow,
    )
    return element(
      'th',
      { scope: 'col', role: 'columnheader', class: isNumber && 'number', 'aria-sort': order },
      button,
    )
  })
  return element('tr', { role: 'row' }, ...cells)
}

export function cell({ title, isNumber }: Column, ...children: readonly Child[]): HTMLElement {
  return element('td', { role: 'cell', 'data-label': title, class: isNumber && 'number' }, ...children)
}

export function rowHead({ title }: Column, ...children: readonly Child[]): HTMLElement {
  return element('th', { role: 'rowheader', scope: 'row', 'data-label': title }, ...children)
}

/** A small table inside the details of a pod. */
export function plainTable(
  caption: string,
  titles: readonly string[],
  rows: readonly (readonly Child[])[],
): HTMLElement {
  const head = element(
    'tr',
    { role: 'row' },
    ...titles.map((title) => element('th', { scope: 'col', role: 'columnheader' }, title)),
  )
  const body = rows.map((cells) =>
    element(
      'tr',
      { role: 'row' },
      ...cells.map((child, index) => {
        const attributes = { 'data-label': titles[index] ?? '' }
        return index === 0
          ? element('th', { scope: 'row', role: 'rowheader', ...attributes }, child)
          : element('td', { role: 'cell', ...attributes }, child)
      }),
    ),
  )
  return element(
    'table',
    { class: 'cards', role: 'table' },
    element('caption', {}, caption),
    element('thead', { role: 'rowgroup' }, head),
    element('tbody', { role: 'rowgroup' }, ...body),
  )
}
