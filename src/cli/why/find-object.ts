/** Finds the object of the cluster that the command line names, in the words that kubectl takes. */
import type { Cluster } from '../../cluster/cluster.ts'
import type { KubernetesObject } from '../../cluster/objects.ts'
import { resources, type Resource } from '../../cluster/resources.ts'
import type { KindIndex } from '../../cluster/kind-index.ts'
import type { ServedKind } from '../../cluster/served-kinds.ts'
import { AppError } from '../../errors.ts'
import { nearest } from '../../nearest.ts'
import { quote } from '../../values/print/printable.ts'
import { builtInPlaces, knownKinds } from '../manifests/kinds.ts'

/** The kinds of Kubernetes that have pods, by kubectl's words for them. */
const kinds: readonly (readonly [resource: Resource, singular: string, short?: string])[] = [
  [resources.pods, 'pod', 'po'],
  [resources.deployments, 'deployment', 'deploy'],
  [resources.statefulSets, 'statefulset', 'sts'],
  [resources.daemonSets, 'daemonset', 'ds'],
  [resources.replicaSets, 'replicaset', 'rs'],
  [resources.replicationControllers, 'replicationcontroller', 'rc'],
  [resources.podTemplates, 'podtemplate'],
  [resources.jobs, 'job'],
  [resources.cronJobs, 'cronjob', 'cj'],
]

/** The singular words, which a shell completes. */
export const podOwnerWords: readonly string[] = kinds.map(([, singular]) => singular)

export interface ObjectName {
  /** As it was written: `deploy`, `rayclusters.ray.io`. */
  readonly kind: string
  readonly name: string
}

/** `NAME` of a pod, `KIND/NAME`, or `KIND NAME`. Undefined for anything else. */
export function readObjectName(words: readonly string[]): ObjectName | undefined {
  const [first = '', second, ...rest] = words.flatMap((word) => word.split('/'))
  const hasSlash = words.some((word) => word.includes('/'))
  if (rest.length > 0 || first === '' || second === '' || (hasSlash && words.length > 1)) return undefined
  return second === undefined ? { kind: 'pod', name: first } : { kind: first, name: second }
}

export async function findObject(
  cluster: Cluster,
  { kind, name }: ObjectName,
  namespace: string,
  index: KindIndex,
): Promise<KubernetesObject> {
  const resource = await findResource(kind.toLowerCase(), index)
  const object = await cluster.get<KubernetesObject>(resource, name, resource.namespaced ? namespace : undefined)
  if (object !== undefined) return object
  const place = resource.namespaced ? `in the namespace ${namespace} of ` : 'in '
  throw new AppError(
    'InputUnreadable',
    `there is no ${resource.kind.toLowerCase()} ${JSON.stringify(name)} ${place}${cluster.server}`,
  )
}

/** The cluster is asked for its kinds only for one that is no workload of Kubernetes itself. */
async function findResource(word: string, index: KindIndex): Promise<Resource> {
  const [kind = '', ...qualified] = word.split('.')
  const qualifier = qualified.join('.')
  const known = kinds.find(
    ([resource, singular, short]) => [singular, resource.plural, short].includes(kind) && fits(resource, qualifier),
  )
  if (known !== undefined) return known[0]
  const served = await index.all()
  const found = served.find((one) => wordsOf(one).includes(kind) && fits(one, qualifier) && mayHavePods(one))
  if (found === undefined) throw unknownKind(word, kind, served)
  return found
}

/** `apps` or `v1.apps`, as in `deployments.v1.apps`. */
function fits({ group, version }: Resource, qualifier: string): boolean {
  return qualifier === '' || qualifier === group || qualifier === `${version}.${group}`
}

function wordsOf({ plural, singular, shortNames, kind }: ServedKind): readonly string[] {
  return [plural, singular, kind.toLowerCase(), ...shortNames]
}

/** The other kinds of Kubernetes itself have none. */
function mayHavePods({ group, kind }: Resource): boolean {
  const isBuiltIn = !group.includes('.') || (group.endsWith('.k8s.io') && !group.endsWith('.x-k8s.io'))
  return !isBuiltIn || `${group}/${kind}` in builtInPlaces
}

function unknownKind(word: string, kind: string, served: readonly ServedKind[]): AppError {
  const own = kinds.map(([, singular]) => singular).join(', ')
  return new AppError(
    'InputUnreadable',
    `${quote(word)} is no kind that has a pod${guessKind(kind, served)}; known: ${own}, and custom resources of this cluster`,
  )
}

/** Short names are too short to be near to anything. */
function guessKind(kind: string, served: readonly ServedKind[]): string {
  if (served.some((one) => wordsOf(one).includes(kind) && !mayHavePods(one))) return ''
  const installed = [
    ...kinds.map(([, singular]) => singular),
    ...served.filter(mayHavePods).map(({ singular }) => singular),
  ]
  const likely = nearest(kind, [...installed, ...knownKinds.map((one) => one.kind.toLowerCase())])
  if (likely === undefined) return ''
  return installed.includes(likely) ? `; did you mean ${likely}?` : `; ${likely} is not installed in this cluster`
}
