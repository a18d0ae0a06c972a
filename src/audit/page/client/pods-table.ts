/** The pods, one row each, with the details of those that are open. */
import type { AuditedModel, Judged } from '../../judgement.ts'
import type { AboutPage } from '../page-data.ts'
import { badge, waivedBadge } from './badges.ts'
import { element, moment, abbreviate, value } from './elements.ts'
import { podDetails } from './pod-details.ts'
import { noOwner, type Row } from './rows.ts'
import { cell, rowHead, type Column } from './tables.ts'

type Meanings = AboutPage['judgements']

const columns = {
  pod: { name: 'pod', title: 'Pod' },
  namespace: { name: 'namespace', title: 'Namespace' },
  judgement: { name: 'judgement', title: 'Judgement' },
  model: { name: 'model', title: 'Model and version' },
  account: { name: 'account', title: 'Service account' },
  created: { name: 'created', title: 'Created (UTC)' },
} as const satisfies Record<string, Column>

export const podColumns: readonly Column[] = Object.values(columns)

// A row says what it is about; all of it is in the details.
const longestName = 300
const longestReason = 160
const mostModels = 5

export function podRows(rows: readonly Row[], open: readonly string[], meanings: Meanings): readonly HTMLElement[] {
  return rows.flatMap((row, index) => {
    const isOpen = open.includes(row.key)
    return [
      podRow(row, `details-${index}`, isOpen, meanings),
      ...(isOpen ? [detailsRow(row, `details-${index}`, meanings)] : []),
    ]
  })
}

function podRow({ pod, key, owner, judged }: Row, detailsId: string, isOpen: boolean, meanings: Meanings): HTMLElement {
  const button = element(
    'button',
    {
      type: 'button',
      class: 'open',
      'data-pod': key,
      'data-focus': `pod ${key}`,
      'aria-expanded': String(isOpen),
      'aria-controls': isOpen && detailsId,
    },
    element('span', { class: 'twist', 'aria-hidden': 'true' }),
    value(abbreviate(pod.name, longestName)),
  )
  return element(
    'tr',
    { role: 'row', class: isOpen && 'is-open' },
    rowHead(
      columns.pod,
      button,
      ...(owner === noOwner ? [] : [element('div', { class: 'second' }, value(abbreviate(owner, longestName)))]),
    ),
    cell(columns.namespace, value(abbreviate(pod.namespace, longestName))),
    cell(columns.judgement, ...judgementsOf(judged, meanings)),
    cell(columns.model, ...modelsOf(pod.models)),
    cell(columns.account, value(abbreviate(pod.serviceAccount, longestName))),
    cell(columns.created, pod.createdAt === undefined ? '–' : moment(pod.createdAt)),
  )
}

/** Each judgement, and why the worst of them. */
function judgementsOf(judged: readonly Judged[], meanings: Meanings): readonly HTMLElement[] {
  const badges = judged.map(({ judgement, waived }) =>
    waived === undefined ? badge(judgement, meanings) : waivedBadge(judgement),
  )
  const worst = judged.find(({ judgement }) => judgement !== 'conforming')
  return [
    element('div', { class: 'badges' }, ...badges),
    ...(worst === undefined
      ? []
      : [element('div', { class: 'second' }, value(abbreviate(reasonOf(worst), longestReason)))]),
  ]
}

function reasonOf({ reason, waived }: Judged): string {
  return waived === undefined ? reason : `Waived until ${waived.until}: ${waived.reason}`
}

function modelsOf(models: readonly AuditedModel[]): readonly HTMLElement[] {
  const shown = models.slice(0, mostModels).map(({ family, version, delivery }) => {
    const named = version === undefined ? [] : [value(abbreviate(version, longestName)), ' · ']
    return element(
      'div',
      { class: 'model' },
      value(abbreviate(family, longestName)),
      element('div', { class: 'second' }, ...named, value(abbreviate(delivery, longestName))),
    )
  })
  const more = models.length - shown.length
  return more > 0 ? [...shown, element('div', { class: 'second' }, `and ${more} more`)] : shown
}

function detailsRow(row: Row, id: string, meanings: Meanings): HTMLElement {
  return element(
    'tr',
    { role: 'row', class: 'details', id },
    element('td', { role: 'cell', colspan: String(podColumns.length) }, podDetails(row, meanings)),
  )
}
