import type { PodSpec } from '../../pod/pod.ts'
import type { Source } from '../../values/source.ts'
/** Models that workloads of a namespace request, and these workloads. */
export interface Template {
  /** `deployment/my-app` */
  readonly title: string
  readonly kind: string
  readonly name: string
  /** Undefined for kinds without a number of replicas. */
  readonly replicas: number | undefined
  readonly pod: unknown
}

export interface RequestedModel {
  readonly source: Source
  /** Claim that a mountpoint delivery names. */
  readonly claim?: string | undefined
  readonly region?: string | undefined
  /** Source claim of a share, if named on the command line; otherwise the claim's annotation names it. */
  readonly from?: { readonly namespace: string; readonly name: string } | undefined
  /** Empty if the model was named on the command line. */
  readonly consumers: readonly Consumer[]
}

/** A workload, or a pod without a known workload. */
export interface Consumer extends Omit<Template, 'pod'> {
  readonly serviceAccount: string
  readonly labels: Readonly<Record<string, string>>
  readonly spec: PodSpec
}

export interface Writer extends Pick<Template, 'title' | 'kind' | 'name'> {
  readonly claim: string
  /** Volume through which it mounts the claim. */
  readonly volume: string
}

const mostTitles = 3

/** `deployment/a, job/b and 4 more`; empty without consumers. */
export function titlesOf(consumers: readonly Pick<Consumer, 'title'>[]): string {
  const titles = [...new Set(consumers.map(({ title }) => title))]
  const more = titles.length - mostTitles
  return `${titles.slice(0, mostTitles).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

export function sectionTitle(what: string, consumers: readonly Consumer[]): string {
  return consumers.length === 0 ? what : `${what} (${titlesOf(consumers)})`
}
