/** The fields that choose what is shown. Each choice says how many pods it would show. */
import { printable } from '../../../values/print/printable.ts'
import { byId, element, formatCount, abbreviate } from './elements.ts'
import type { FacetCounts } from './select-rows.ts'
import { compareTexts } from './sort-rows.ts'
import type { ViewState } from './view-state.ts'

const selects = ['namespace', 'family', 'version'] as const
const inputs = ['search', 'owner'] as const
type Change = (change: Partial<ViewState>, isTyping: boolean) => void

// More entries only slow the page: the search finds the others.
const mostChoices = 500
const mostSuggestions = 50
const longestChoice = 80

export function listenToFilters(change: Change): void {
  for (const name of selects) {
    const select = byId(name, HTMLSelectElement)
    select.addEventListener('change', () => {
      change(name === 'family' ? { family: select.value, version: '' } : { [name]: select.value }, false)
    })
  }
  for (const name of inputs) {
    const input = byId(name, HTMLInputElement)
    input.addEventListener('input', () => {
      change({ [name]: input.value }, true)
    })
  }
  byId('filters', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault()
  })
}

export function showFilters(state: ViewState, counts: FacetCounts): void {
  for (const name of selects) showSelect(byId(name, HTMLSelectElement), state[name], counts[name])
  for (const name of inputs) {
    const input = byId(name, HTMLInputElement)
    if (input.value !== state[name]) input.value = state[name]
  }
  byId('owners', HTMLElement).replaceChildren(
    ...suggestions(state.owner, counts.owner).map((owner) => element('option', { value: owner })),
  )
}

function suggestions(typed: string, owners: ReadonlyMap<string, number>): readonly string[] {
  const part = typed.toLowerCase()
  const found = [...owners.keys()].filter((owner) => owner.toLowerCase().includes(part)).slice(0, mostSuggestions)
  return found.sort(compareTexts)
}

/** An open list must not move while it is used, so it is rebuilt only if its options have changed. */
function showSelect(select: HTMLSelectElement, chosen: string, counts: ReadonlyMap<string, number>): void {
  const choices = ordered(counts)
  const shown = choices.slice(0, mostChoices)
  if (chosen !== '' && !shown.some(([name]) => name === chosen)) shown.unshift([chosen, counts.get(chosen) ?? 0])
  const signature = JSON.stringify(shown)
  if (select.dataset.signature !== signature) {
    select.dataset.signature = signature
    const more = choices.length - mostChoices
    const rest =
      more > 0 ? [element('option', { disabled: true }, `and ${formatCount(more)} more: use the search`)] : []
    const options = shown.map(([name, count]) =>
      element('option', { value: name }, `${isolated(name)} (${formatCount(count)})`),
    )
    select.replaceChildren(element('option', { value: '' }, 'all'), ...options, ...rest)
  }
  select.value = chosen
}

function ordered(counts: ReadonlyMap<string, number>): [string, number][] {
  return [...counts].sort(([one], [other]) => compareTexts(one, other))
}

const rightToLeft = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u

/**
 * An option holds text alone: the characters do there what `bdi` does elsewhere. Only where they are needed, for a list finds
 * what is typed by how its options begin.
 */
function isolated(text: string): string {
  const shown = printable(abbreviate(text, longestChoice))
  return rightToLeft.test(shown) ? `\u2068${shown}\u2069` : shown
}
