/** All that is known of one pod, below its row. */
import type { AuditedModel, AuditedPod, Judged } from '../../judgement.ts'
import type { AboutPage } from '../page-data.ts'
import { badge, waivedBadge } from './badges.ts'
import { diffTable, evidenceTable } from './diff-table.ts'
import { element, longValue, moment, abbreviate, type Child } from './elements.ts'
import { noOwner, type Row } from './rows.ts'
import { plainTable } from './tables.ts'
import { everything, writeState } from './view-state.ts'

type Meanings = AboutPage['judgements']

export function podDetails(row: Row, meanings: Meanings): HTMLElement {
  const { pod, judged } = row
  return element(
    'section',
    { class: 'pod', 'aria-label': `Details of ${abbreviate(pod.name, 300)}` },
    element('h3', {}, 'Judgements'),
    element('ul', { class: 'judgements' }, ...judged.map((one) => judgementItem(one, meanings))),
    ...models(pod),
    ...difference(pod),
    element('h3', {}, 'Pod'),
    facts(row),
    element(
      'p',
      { class: 'link' },
      element('a', { href: writeState({ ...everything, open: [row.key] }) }, 'Link to this pod'),
    ),
  )
}

function judgementItem({ judgement, reason, evidence, waived }: Judged, meanings: Meanings): HTMLElement {
  const { meaning, remedy } = meanings[judgement]
  return element(
    'li',
    {},
    element(
      'p',
      { class: 'reason' },
      waived === undefined ? badge(judgement, meanings) : waivedBadge(judgement),
      ' ',
      longValue(reason),
    ),
    ...(waived === undefined
      ? []
      : [element('p', { class: 'waiver' }, `Waived until ${waived.until}: `, longValue(waived.reason))]),
    element('p', { class: 'meaning' }, `That is: ${meaning}.`, ...(remedy === 'nothing' ? [] : [` To do: ${remedy}.`])),
    ...(evidence.length === 0 ? [] : [evidenceTable('Evidence', evidence)]),
  )
}

function models({ models: all }: AuditedPod): readonly HTMLElement[] {
  if (all.length === 0) return []
  return [
    element('h3', {}, 'Models'),
    plainTable(
      'Models as the pod states them',
      ['Model', 'Source', 'Delivery', 'Mounted at', 'Containers', 'Loader image'],
      all.map(modelCells),
    ),
  ]
}

function modelCells({ name, source, delivery, mountPath, containers, image }: AuditedModel): readonly Child[] {
  return [
    longValue(name),
    longValue(source),
    longValue(delivery),
    orNone(mountPath),
    orNone(containers.join(', ')),
    orNone(image ?? ''),
  ]
}

function orNone(text: string): HTMLElement {
  return text === '' ? element('span', { class: 'nothing' }, 'none') : longValue(text)
}

function difference({ diff }: AuditedPod): readonly HTMLElement[] {
  return diff === undefined || diff.length === 0 ? [] : [element('h3', {}, 'Difference'), diffTable(diff)]
}

function facts({ pod, owner }: Row): HTMLElement {
  const known: readonly (readonly [title: string, content: Child | undefined])[] = [
    ['Namespace', longValue(pod.namespace)],
    ['Owner', owner === noOwner ? undefined : longValue(owner)],
    ['Service account', longValue(pod.serviceAccount)],
    ['Created (UTC)', pod.createdAt === undefined ? undefined : moment(pod.createdAt)],
    ['Phase', pod.phase === undefined ? undefined : longValue(pod.phase)],
    ['UID', pod.uid === undefined ? undefined : longValue(pod.uid)],
    ['File', pod.file === undefined ? undefined : longValue(pod.file)],
    ['Injected by', pod.injector === undefined ? undefined : longValue(`model-injector ${pod.injector}`)],
    ['Allowed by', pod.rules.length === 0 ? undefined : longValue(pod.rules.join(', '))],
  ]
  const entries = known.flatMap(([title, content]) =>
    content === undefined ? [] : [element('div', {}, element('dt', {}, title), element('dd', {}, content))],
  )
  return element('dl', { class: 'facts' }, ...entries)
}
