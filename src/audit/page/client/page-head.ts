/** The head of the page: the origin of the data, the counts and the active filters. */
import type { AboutPage } from '../page-data.ts'
import { wordsOf } from './badges.ts'
import { byId, countOf, element, formatCount, moment, value, type Child } from './elements.ts'
import { isFiltered, writeState, views, type ViewState } from './view-state.ts'

export function showAbout({ place, scope, config, configHash, version, auditedAt, waivers }: AboutPage): void {
  const entries: readonly (readonly [title: string, ...content: Child[]])[] = [
    ['Read from', value(place)],
    ['Scope', value(scope)],
    ["Today's configuration", value(config), ' ', element('code', {}, value(configHash))],
    ...(waivers === undefined ? [] : [['Waivers', value(waivers.file), waiversInWords(waivers)] as const]),
    ...(auditedAt === undefined ? [] : [['Audited (UTC)', moment(auditedAt)] as const]),
  ]
  setText('made-by', `Made by model-injector ${version}.`)
  byId('about', HTMLElement).replaceChildren(
    ...entries.map(([title, ...content]) =>
      element('div', {}, element('dt', {}, title), element('dd', {}, ...content)),
    ),
  )
}

function waiversInWords({ inForce, expired }: NonNullable<AboutPage['waivers']>): string {
  const ended = expired.map(({ place, judgement, until }) => `${place} (${judgement}) ended on ${until}`)
  return `: ${[`${formatCount(inForce)} in force`, ...ended].join('; ')}`
}

/** Links, so that each view can be opened in its own tab; the filters stay. */
export function showViews(state: ViewState): void {
  for (const view of views) {
    const link = byId(`view-${view}`, HTMLAnchorElement)
    link.setAttribute('href', writeState({ ...state, view, sort: '', isDescending: false, page: 0, open: [] }))
    if (view === state.view) link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
  }
}

export interface Amounts {
  readonly shown: number
  readonly all: number
  /** Rows of another view than the pods. */
  readonly groups?: { readonly count: number; readonly noun: string }
}

/** Read out when it changes; a screen reader needs to know what a filter did. */
export function showAmounts({ shown, all, groups }: Amounts, state: ViewState): void {
  const pods = isFiltered(state) ? `${formatCount(shown)} of ${countOf(all, 'pod')}` : countOf(all, 'pod')
  setText('amounts', groups === undefined ? pods : `${countOf(groups.count, groups.noun)} · ${pods}`)
  byId('clear', HTMLElement).hidden = !isFiltered(state)
  byId('filtered-by', HTMLElement).replaceChildren(...filterWords(state))
}

/** The filters in words, for paper, which does not show their fields. */
function filterWords(state: ViewState): readonly Child[] {
  const set: readonly (readonly [name: string, chosen: string])[] = [
    ['judgement', state.judgements.map(wordsOf).join(' or ')],
    ['namespace', state.namespace],
    ['model', state.family],
    ['version', state.version],
    ['owner', state.owner],
    ['search', state.search],
  ]
  const words = set.flatMap(([name, chosen]) =>
    chosen === '' ? [] : [element('span', {}, `${name}: `, value(chosen))],
  )
  return words.length === 0 ? [] : ['Only ', ...words.flatMap((word, index) => (index === 0 ? [word] : ['; ', word]))]
}

/** An element that is read out is left alone if it says that already. */
export function setText(id: string, text: string): void {
  const shown = byId(id, HTMLElement)
  if (shown.textContent !== text) shown.textContent = text
}
