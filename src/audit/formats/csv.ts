/** The audit as CSV: a row for each model of each pod, so that a spreadsheet can count models. */
import { stringify } from 'csv-stringify/sync'
import { printable } from '../../values/print/printable.ts'
import {
  countedJudgements,
  countedProblemsOf,
  waivedOf,
  waiverInWords,
  type AuditedModel,
  type AuditedPod,
} from '../judgement.ts'
import type { Format } from './format.ts'

type Row = readonly (string | undefined)[]

const columns: readonly (readonly [
  title: string,
  cell: (pod: AuditedPod, model: AuditedModel | undefined) => string | undefined,
])[] = [
  ['namespace', ({ namespace }) => namespace],
  ['pod', ({ name }) => name],
  ['owner kind', ({ owner }) => owner?.kind],
  ['owner', ({ owner }) => owner?.name],
  ['file', ({ file }) => file],
  ['created', ({ createdAt }) => createdAt],
  ['phase', ({ phase }) => phase],
  ['service account', ({ serviceAccount }) => serviceAccount],
  ['model', (_pod, model) => model?.name],
  ['source', (_pod, model) => model?.source],
  ['family', (_pod, model) => model?.family],
  ['version', (_pod, model) => model?.version],
  ['delivery', (_pod, model) => model?.delivery],
  ['image', (_pod, model) => model?.image],
  ['containers', (_pod, model) => model?.containers.join(' ')],
  ['mount path', (_pod, model) => model?.mountPath],
  ['injector', ({ injector }) => injector],
  ['rules', ({ rules }) => rules.join(' ')],
  ['judgements', (pod) => [...countedJudgements(pod)].join(' ')],
  [
    'reasons',
    (pod) =>
      countedProblemsOf(pod)
        .map(({ reason }) => reason)
        .join(' | '),
  ],
  [
    'waived',
    (pod) =>
      waivedOf(pod)
        .map(({ judgement, waived }) => `${judgement} ${waiverInWords(waived)}`)
        .join(' | '),
  ],
]

export const csv: Format = async function* (pods) {
  yield line(columns.map(([title]) => title))
  for await (const pod of pods) {
    const models = pod.models.length > 0 ? pod.models : [undefined]
    yield models.map((model) => line(columns.map(([, cell]) => cell(pod, model)))).join('')
  }
}

/** A spreadsheet would run a cell that begins like a formula (CWE-1236). */
function line(row: Row): string {
  return stringify([row.map((cell) => printable(cell ?? ''))], { escape_formulas: true })
}
