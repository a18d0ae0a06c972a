/** Puts the page together in the browser: what is looked at is in the address, and everything is shown from that. */
import type { AuditedPod } from '../../judgement.ts'
import type { AboutPage } from '../page-data.ts'
import { byId, element } from './elements.ts'
import { listenToFilters, showFilters } from './filters.ts'
import { groupByModel, groupByNamespace, sortGroups } from './group-rows.ts'
import { modelColumns, modelRows, namespaceColumns, namespaceRows } from './groups-table.ts'
import { followAudit } from './live.ts'
import { setText, showAbout, showAmounts, showViews, type Amounts } from './page-head.ts'
import { listenToPages, pageOf, pageSize, printedSize, showPages, type ItemPage } from './pages.ts'
import { podColumns, podRows } from './pods-table.ts'
import { makeRows, type Row } from './rows.ts'
import { selectRows } from './select-rows.ts'
import { sortRows } from './sort-rows.ts'
import { headRow, type Column } from './tables.ts'
import { makeTiles, showMeanings, showTiles } from './tiles.ts'
import { everything, readState, writeState, type View, type ViewState } from './view-state.ts'

interface PageData {
  readonly about: AboutPage
  readonly isLive?: true
  readonly pods: readonly AuditedPod[]
}

const { about, isLive, pods } = JSON.parse(byId('audit', HTMLScriptElement).text) as PageData
const meanings = about.judgements
const table = byId('table', HTMLTableElement)

let state = readState(location.hash)
let rows = makeRows(pods, meanings)
/** Sorting is what takes longest, and most changes are of a filter. */
let sorted: { readonly rows: readonly Row[]; readonly by: string; readonly result: readonly Row[] } | undefined
let shownPage: ItemPage<unknown> = pageOf([], 1, pageSize)
let rowsOnPage = pageSize
let isWaiting = isLive === true

function go(change: Partial<ViewState>, how: 'push' | 'replace'): void {
  const filtered: Partial<ViewState> = 'page' in change || 'open' in change ? {} : { page: 1 }
  state = { ...state, ...filtered, ...change }
  const address = writeState(state)
  if (how === 'push') history.pushState(null, '', address)
  else history.replaceState(null, '', address)
  show()
}

function show(): void {
  const selection = selectRows(sortedRows(), state)
  showTiles(selection, state.judgements)
  showFilters(state, selection.counts)
  showViews(state)
  keepFocus(() => {
    const groups = state.view === 'pods' ? showPods(selection.rows) : showGroups(selection.rows, state.view)
    showAmounts({ shown: selection.rows.length, all: rows.length, ...groups }, state)
  })
  showPages(shownPage)
  showEmpty(selection.rows.length)
}

function sortedRows(): readonly Row[] {
  const [sort, isDescending] = state.view === 'pods' ? [state.sort, state.isDescending] : ['', false]
  const by = `${isDescending ? '-' : ''}${sort}`
  if (sorted?.rows !== rows || sorted.by !== by) sorted = { rows, by, result: sortRows(rows, sort, isDescending) }
  return sorted.result
}

function showPods(selected: readonly Row[]): Pick<Amounts, 'groups'> {
  const firstOpen = state.page === 0 ? selected.findIndex(({ key }) => state.open.includes(key)) : -1
  const page = pageOf(selected, firstOpen === -1 ? state.page : Math.floor(firstOpen / rowsOnPage) + 1, rowsOnPage)
  fillTable('Pods', podColumns, page, podRows(page.items, state.open, meanings))
  return {}
}

function showGroups(selected: readonly Row[], view: Exclude<View, 'pods'>): Pick<Amounts, 'groups'> {
  const isByModel = view === 'models'
  const groups = sortGroups(
    isByModel ? groupByModel(selected, state) : groupByNamespace(selected),
    state.sort,
    state.isDescending,
  )
  const page = pageOf(groups, state.page, rowsOnPage)
  const made = isByModel ? modelRows(page.items, state, meanings) : namespaceRows(page.items, state, meanings)
  fillTable(isByModel ? 'Models and versions' : 'Namespaces', isByModel ? modelColumns : namespaceColumns, page, made)
  return { groups: { count: groups.length, noun: isByModel ? 'model version' : 'namespace' } }
}

function fillTable(
  caption: string,
  columns: readonly Column[],
  page: ItemPage<unknown>,
  made: readonly HTMLElement[],
): void {
  shownPage = page
  const sorting = { sort: state.sort === '' ? defaultSort() : state.sort, isDescending: state.isDescending }
  table.dataset.view = state.view
  setText('caption', caption)
  byId('head', HTMLElement).replaceChildren(headRow(columns, sorting))
  byId('rows', HTMLElement).replaceChildren(...made)
  showSortChoice(columns, sorting)
}

function defaultSort(): string {
  return { pods: 'judgement', models: 'model', namespaces: 'namespace' }[state.view]
}

/** Shows the choice of an order on narrow screens, which hide the head of the table. */
function showSortChoice(
  columns: readonly Column[],
  { sort, isDescending }: { sort: string; isDescending: boolean },
): void {
  const options = columns.flatMap(({ name, title }) => [
    element('option', { value: name }, `${title}, ascending`),
    element('option', { value: `-${name}` }, `${title}, descending`),
  ])
  const choice = byId('sort', HTMLSelectElement)
  choice.replaceChildren(...options)
  choice.value = `${isDescending ? '-' : ''}${sort}`
}

function showEmpty(selected: number): void {
  const isEmpty = selected === 0
  table.hidden = isEmpty
  byId('empty', HTMLElement).hidden = !isEmpty
  if (!isEmpty) return
  if (isWaiting) setText('empty-text', 'Reading…')
  else {
    setText(
      'empty-text',
      rows.length === 0
        ? 'No pod here asks for a model, and none says that it has one.'
        : 'No pod matches all of these filters.',
    )
  }
}

/** Rebuilds the table and restores the focus in it. */
function keepFocus(change: () => void): void {
  const name = document.activeElement?.getAttribute('data-focus') ?? null
  change()
  if (name !== null) {
    table.querySelector<HTMLElement>(`[data-focus="${CSS.escape(name)}"]`)?.focus({ preventScroll: true })
  }
}

function toggle(names: readonly string[], name: string): readonly string[] {
  return names.includes(name) ? names.filter((other) => other !== name) : [...names, name]
}

function onTableClick({ target }: Event): void {
  if (!(target instanceof Element)) return
  const { sort, pod } = target.closest('button')?.dataset ?? {}
  if (pod !== undefined) go({ open: toggle(state.open, pod), page: shownPage.number }, 'replace')
  if (sort !== undefined) sortBy(sort)
}

/** The same column again turns the order round. Numbers begin with the largest. */
function sortBy(column: string): void {
  const current = state.sort === '' ? defaultSort() : state.sort
  const isNumber = [...modelColumns, ...namespaceColumns].some(({ name, isNumber: is }) => name === column && is)
  go({ sort: column, isDescending: column === current ? !state.isDescending : isNumber }, 'push')
}

function turnPage(by: number | 'first' | 'last'): void {
  const { number, pages } = shownPage
  go({ page: by === 'first' ? 1 : by === 'last' ? pages : number + by }, 'push')
  byId('results', HTMLElement).scrollIntoView({ block: 'start' })
}

function onAddressChange(): void {
  state = readState(location.hash)
  show()
  showLinkedPod()
}

/** A link to a pod opens its details. */
function showLinkedPod(): void {
  if (state.page === 0 && state.open.length > 0) table.querySelector('.is-open')?.scrollIntoView({ block: 'start' })
}

function print(size: number): void {
  rowsOnPage = size
  show()
  const unprinted =
    shownPage.pages > 1
      ? `The first ${printedSize} rows. All are in the output of model-injector audit -o csv or -o json.`
      : ''
  setText('unprinted', size === printedSize ? unprinted : '')
}

function listen(): void {
  listenToFilters((change, isTyping) => {
    go(change, isTyping ? 'replace' : 'push')
  })
  listenToPages(turnPage)
  table.addEventListener('click', onTableClick)
  byId('sort', HTMLSelectElement).addEventListener('change', ({ target }) => {
    const { value: chosen } = target as HTMLSelectElement
    go({ sort: chosen.replace(/^-/, ''), isDescending: chosen.startsWith('-') }, 'push')
  })
  byId('clear', HTMLElement).addEventListener('click', () => {
    const { view, sort, isDescending } = state
    go({ ...everything, view, sort, isDescending }, 'push')
    byId('search', HTMLElement).focus()
  })
  // The address says what is shown, so the link must not be followed.
  byId('skip', HTMLElement).addEventListener('click', (event) => {
    event.preventDefault()
    byId('results', HTMLElement).focus()
  })
  window.addEventListener('popstate', onAddressChange)
  window.addEventListener('hashchange', onAddressChange)
  window.addEventListener('beforeprint', () => {
    print(printedSize)
  })
  window.addEventListener('afterprint', () => {
    print(pageSize)
  })
}

showAbout(about)
showMeanings(meanings)
makeTiles(about, (judgement) => {
  go({ judgements: toggle(state.judgements, judgement) }, 'push')
})
listen()
show()
showLinkedPod()
if (isLive === true) {
  void followAudit(
    (audited) => {
      isWaiting = false
      rows = makeRows(audited, meanings)
      show()
    },
    (audited) => {
      showAbout({ ...about, ...audited })
    },
  )
}
