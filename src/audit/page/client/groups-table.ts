/** Models with their versions, and namespaces: what is where, and a way to its pods. */
import type { Judgement } from '../../judgement.ts'
import type { AboutPage } from '../page-data.ts'
import { badge } from './badges.ts'
import { element, formatCount, abbreviate, value, type Child } from './elements.ts'
import { countDeviating, countJudgements, type Group } from './group-rows.ts'
import { rankJudgements } from './rows.ts'
import { cell, rowHead, type Column } from './tables.ts'
import { writeState, type ViewState } from './view-state.ts'

const model = { name: 'model', title: 'Model' } as const
const version = { name: 'version', title: 'Version' } as const
const namespace = { name: 'namespace', title: 'Namespace' } as const
const models = { name: 'models', title: 'Models', isNumber: true } as const
const versions = { name: 'versions', title: 'Versions', isNumber: true } as const
const namespaces = { name: 'namespaces', title: 'Namespaces', isNumber: true } as const
const pods = { name: 'pods', title: 'Pods', isNumber: true } as const
const deviating = { name: 'deviating', title: 'Not conforming', isNumber: true } as const

export const modelColumns: readonly Column[] = [model, version, pods, namespaces, deviating]
export const namespaceColumns: readonly Column[] = [namespace, models, versions, pods, deviating]

const longestName = 300
const mostNamed = 5

export function modelRows(
  groups: readonly Group[],
  state: ViewState,
  meanings: AboutPage['judgements'],
): readonly HTMLElement[] {
  return groups.map((group) => {
    const href = linkTo(state, { family: group.family, version: group.version })
    return element(
      'tr',
      { role: 'row' },
      rowHead(model, value(abbreviate(group.family, longestName)), second(listOf(group.deliveries))),
      cell(version, element('a', { href, 'data-focus': href }, value(abbreviate(group.version, longestName)))),
      ...counts(group, meanings, [
        cell(namespaces, formatCount(group.namespaces.size), second(listOf(group.namespaces))),
      ]),
    )
  })
}

export function namespaceRows(
  groups: readonly Group[],
  state: ViewState,
  meanings: AboutPage['judgements'],
): readonly HTMLElement[] {
  return groups.map((group) => {
    const href = linkTo(state, { namespace: group.namespace })
    return element(
      'tr',
      { role: 'row' },
      rowHead(namespace, element('a', { href, 'data-focus': href }, value(abbreviate(group.namespace, longestName)))),
      cell(models, formatCount(group.families.size), second(listOf(group.families))),
      cell(versions, formatCount(group.versions.size)),
      ...counts(group, meanings, []),
    )
  })
}

/** The last columns are the same for both. */
function counts(
  group: Group,
  meanings: AboutPage['judgements'],
  between: readonly HTMLElement[],
): readonly HTMLElement[] {
  return [
    cell(pods, formatCount(group.pods.size)),
    ...between,
    cell(deviating, formatCount(countDeviating(group)), judgementBadges(group, meanings)),
  ]
}

function judgementBadges(group: Group, meanings: AboutPage['judgements']): Child {
  const ranks = rankJudgements(meanings)
  const found = [...countJudgements(group)].filter(([judgement]) => judgement !== 'conforming')
  const ordered = found.toSorted(([one], [other]) => (ranks.get(one) ?? 0) - (ranks.get(other) ?? 0))
  return element(
    'div',
    { class: 'badges' },
    ...ordered.map(([judgement, count]) => badge(judgement as Judgement, meanings, count)),
  )
}

function linkTo(state: ViewState, change: Partial<ViewState>): string {
  return writeState({ ...state, ...change, view: 'pods', sort: '', isDescending: false, page: 0, open: [] })
}

function second(text: string): HTMLElement {
  return element('div', { class: 'second' }, value(text))
}

function listOf(names: ReadonlySet<string>): string {
  const shown = [...names]
    .slice(0, mostNamed)
    .map((name) => abbreviate(name, 60))
    .join(', ')
  return names.size > mostNamed ? `${shown} and ${formatCount(names.size - mostNamed)} more` : shown
}
