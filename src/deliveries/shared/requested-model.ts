import type { PodSpec } from '../../pod/pod.ts'
import type { Source } from '../../values/source.ts'
/** Models that workloads of a namespace ask for, and the workloads. */
export interface Template {
  /** `deployment/my-app` */
  readonly title: string
  readonly kind: string
  readonly name: string
  /** Undefined where the number is no matter of the workload. */
  readonly replicas: number | undefined
  readonly pod: unknown
}

export interface RequestedModel {
  readonly source: Source
  /** Of a mountpoint delivery that names one. */
  readonly claim?: string | undefined
  readonly region?: string | undefined
  /** Where a claim is shared from, as somebody named it; otherwise the claim says it. */
  readonly from?: { readonly namespace: string; readonly name: string } | undefined
  /** None where it was named on the command line. */
  readonly consumers: readonly Consumer[]
}

/** A workload, or a pod that none of the known workloads made. */
export interface Consumer extends Omit<Template, 'pod'> {
  readonly serviceAccount: string
  readonly labels: Readonly<Record<string, string>>
  readonly spec: PodSpec
}

export interface Writer extends Pick<Template, 'title' | 'kind' | 'name'> {
  readonly claim: string
  /** By which it mounts the claim. */
  readonly volume: string
}

const mostTitles = 3

/** `deployment/a, job/b and 4 more`; nothing where nobody asks yet. */
export function titlesOf(askers: readonly Pick<Consumer, 'title'>[]): string {
  const titles = [...new Set(askers.map(({ title }) => title))]
  const more = titles.length - mostTitles
  return `${titles.slice(0, mostTitles).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

export function sectionTitle(what: string, askers: readonly Consumer[]): string {
  return askers.length === 0 ? what : `${what} (${titlesOf(askers)})`
}
