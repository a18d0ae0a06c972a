/** The laws of one pod in every combination of webhooks: our parts are the same, theirs too, and nothing is there twice. */
import { isDeepStrictEqual } from 'node:util'
import type { Test } from 'tap'
import { auditPod } from '../../../src/audit/audit-pod.ts'
import { conforms } from '../../../src/audit/judgement.ts'
import { defaultConfig } from '../../../src/config/parse-config.ts'
import { inject, type Outcome } from '../../../src/inject/inject.ts'
import type { Pod } from '../../../src/pod/pod.ts'
import { describeTurns, everyCombination, without, type Combination } from './combinations.ts'
import { ours, type AdmittedPod, type PeerCluster } from './peer-cluster.ts'
import type { PeerPod } from './peer-pods.ts'
import { clusterVariables, duplicatesOf, ownParts, partsOfOthers } from './pod-parts.ts'

export interface PeerMatrix {
  readonly together: readonly Combination[]
  /** The same without us. */
  readonly othersAlone: readonly Combination[]
  /** Undefined where our parts depend on the others, but not on the order: on a mesh whose user the loader takes. */
  readonly oursAlone?: Combination
}

/** Every order of us and the others, each called again or not. */
export function peerMatrix(others: readonly string[]): PeerMatrix {
  return {
    together: everyCombination('together', [ours, ...others]),
    othersAlone: everyCombination('others', others),
    oursAlone: { namespace: 'ours', turns: [{ webhook: ours, reinvocation: 'IfNeeded' }] },
  }
}

/**
 * Every order of us, the EKS webhook and another one, which is called again or not. Ours is called again, as the chart has it: the
 * loader takes the user of some meshes, and so there is no run without them.
 */
export function meshMatrix(name: string): PeerMatrix {
  const isUsual = ({ turns }: Combination): boolean =>
    turns.every(({ webhook, reinvocation }) => webhook === name || reinvocation === 'IfNeeded')
  return {
    together: everyCombination(name, [ours, 'eks', name]).filter(isUsual),
    othersAlone: everyCombination(`${name}-alone`, ['eks', name]).filter(isUsual),
  }
}

export function combinationsOf({ together, othersAlone, oursAlone }: PeerMatrix): readonly Combination[] {
  return [...together, ...othersAlone, ...(oursAlone === undefined ? [] : [oursAlone])]
}

/** One pod, as each combination admitted it. */
export type Results = ReadonlyMap<Combination, AdmittedPod>

export async function admitInAll(
  cluster: PeerCluster,
  pod: Pod,
  combinations: readonly Combination[],
): Promise<Results> {
  return new Map(
    await Promise.all(
      combinations.map(async (combination) => [combination, await cluster.admit(pod, combination)] as const),
    ),
  )
}

export async function checkInEveryCombination(
  t: Test,
  cluster: PeerCluster,
  { together, othersAlone, oursAlone }: PeerMatrix,
  peerPod: PeerPod,
): Promise<void> {
  const results = await admitInAll(cluster, peerPod.pod, together)
  checkOwnParts(t, peerPod, results)
  // The role is an annotation of the service account, which only the EKS webhook reads.
  if (oursAlone !== undefined && !peerPod.needsRole) {
    checkIndependence(t, results, (await cluster.admit(peerPod.pod, oursAlone)).pod)
  }
  checkWholeness(t, results)
  if (!peerPod.replacesAccount && !peerPod.limitsCredentials) {
    checkOthers(t, results, await admitInAll(cluster, peerPod.pod, othersAlone))
  }
  checkPlaces(t, peerPod, results)
  await checkCopies(t, cluster, peerPod, results)
}

function checkOwnParts(t: Test, { replacesAccount }: PeerPod, results: Results): void {
  // The EKS webhook may have come before us, and have known nothing of the account.
  const ignored = replacesAccount ? clusterVariables : []
  const variants = variantsOf(mapValues(results, ({ pod }) => ownParts(pod, ignored)))
  const [first, ...others] = variants
  for (const { value, combinations } of others) {
    t.strictSame(value, first?.value, `our parts in ${combinations.length}: ${combinations.join('; ')}`)
  }
  t.equal(variants.length, 1, 'our parts are the same in all combinations')
}

/** One combination is enough, since all are the same; the region is what the EKS webhook alone knows. */
function checkIndependence(t: Test, results: Results, alone: Pod): void {
  const [together] = results.values()
  if (together === undefined) throw new Error('no combination')
  t.strictSame(
    ownParts(together.pod, clusterVariables),
    ownParts(alone, clusterVariables),
    'and the same as without the others',
  )
}

function checkWholeness(t: Test, results: Results): void {
  const problems = [...results].flatMap(([{ namespace, turns }, { pod }]) =>
    problemsOf(pod, namespace).map((problem) => `${describeTurns(turns)}: ${problem}`),
  )
  t.strictSame(problems, [], 'nothing is there twice, another pass adds nothing, and the audit finds nothing')
}

function problemsOf(pod: Pod, namespace: string): readonly string[] {
  const again = inject(pod, namespace, defaultConfig)
  const audited = auditPod(pod, namespace, defaultConfig)
  return [
    ...duplicatesOf(pod).map((duplicate) => `twice: ${duplicate}`),
    ...(again.reason === 'AlreadyInjected' || onlyNamesLateContainers(again) ? [] : [`another pass: ${again.reason}`]),
    ...(audited !== undefined && conforms(audited) ? [] : [`audit: ${JSON.stringify(audited?.judgements)}`]),
  ]
}

/**
 * A container that came after our last pass is not in the list of those without credentials (docs/other-webhooks.md), so a copy of the pod gets its
 * name there, and in our status, and nothing else.
 */
function onlyNamesLateContainers(outcome: Outcome): boolean {
  const lists = ['eks.amazonaws.com/skip-containers', `${defaultConfig.annotationPrefix}status`]
  const paths = lists.map((key) => `/metadata/annotations/${key.replaceAll('/', '~1')}`)
  return outcome.outcome === 'injected' && outcome.patch.every(({ path }) => paths.includes(path))
}

/** The others add the same as without us, in the same order and with the same policies. */
function checkOthers(t: Test, results: Results, alone: Results): void {
  const expected = new Map([...alone].map(([{ turns }, { pod }]) => [describeTurns(turns), partsOfOthers(pod)]))
  const differing = [...results].filter(
    ([combination, { pod }]) =>
      JSON.stringify(partsOfOthers(pod)) !== JSON.stringify(expected.get(describeTurns(without(ours, combination)))),
  )
  for (const [combination, { pod }] of differing.slice(0, 1)) {
    t.strictSame(
      partsOfOthers(pod),
      expected.get(describeTurns(without(ours, combination))),
      `the parts of the others in ${describeTurns(combination.turns)}`,
    )
  }
  t.strictSame(
    differing.map(([{ turns }]) => describeTurns(turns)),
    [],
    'the parts of the others are the same as without us',
  )
}

/** Init containers of the pod itself keep their side of the loader. */
function checkPlaces(t: Test, { name }: PeerPod, results: Results): void {
  const order = /^init-order (first|last)/.exec(name)?.[1]
  if (order === undefined) return
  const moved = [...results].filter(([, { pod }]) => {
    const names = (pod.spec.initContainers ?? []).map((container) => container.name)
    return names.indexOf('model-loader') < names.indexOf('migrate') !== (order === 'first')
  })
  t.strictSame(
    moved.map(([{ turns }]) => describeTurns(turns)),
    [],
    'the loader is on its side of the other init containers of the pod',
  )
}

/** A pod that comes again with all its parts, as a restored or copied one does. The EKS webhook may know more of it now. */
async function checkCopies(
  t: Test,
  cluster: PeerCluster,
  { replacesAccount }: PeerPod,
  results: Results,
): Promise<void> {
  const ignored = replacesAccount ? clusterVariables : []
  const copies = await Promise.all(
    [...results].map(async ([combination, { pod }]) => {
      const copy = (await cluster.admit(asCopy(pod), combination)).pod
      return { turns: describeTurns(combination.turns), before: ownParts(pod, ignored), after: ownParts(copy, ignored) }
    }),
  )
  const differing = copies.filter(({ before, after }) => !isDeepStrictEqual(before, after))
  for (const { turns, before, after } of differing.slice(0, 1)) t.strictSame(after, before, `a copy in ${turns}`)
  t.strictSame(
    differing.map(({ turns }) => turns),
    [],
    'a copy has the same parts of ours',
  )
}

function asCopy(pod: Pod): Pod {
  const { name = 'app', annotations = {}, labels = {} } = pod.metadata ?? {}
  return { ...pod, metadata: { name, annotations, labels } }
}

function mapValues<T, U>(map: ReadonlyMap<Combination, T>, change: (value: T) => U): ReadonlyMap<Combination, U> {
  return new Map([...map].map(([key, value]) => [key, change(value)]))
}

/** One outcome, and the combinations in which it came. */
interface Variant<T> {
  readonly value: T
  readonly combinations: readonly string[]
}

/** The different outcomes, the most frequent first. */
function variantsOf<T>(results: ReadonlyMap<Combination, T>): readonly Variant<T>[] {
  const variants: { value: T; combinations: string[] }[] = []
  for (const [{ turns }, value] of results) {
    const known = variants.find((variant) => isDeepStrictEqual(variant.value, value))
    if (known === undefined) variants.push({ value, combinations: [describeTurns(turns)] })
    else known.combinations.push(describeTurns(turns))
  }
  return variants.toSorted((a, b) => b.combinations.length - a.combinations.length)
}
