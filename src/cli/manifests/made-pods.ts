/**
 * Pods that operators make of something else than a pod template, as far as annotations of ours depend on them: which containers there
 * are, what they mount, which volumes and which service account they have.
 */
import { isObject, valueAt, type Path } from './paths.ts'

export interface MadePod {
  readonly spec: Readonly<Record<string, unknown>>
  /** Origins of the parts of the pod, as field paths of the pod and paths of the object; everything else is at the place itself. */
  readonly origins: readonly (readonly [field: string, path: Path])[]
}

/** Undefined if there is no pod at the place. */
export type MakePod = (object: unknown, at: Path) => MadePod | undefined

type Fields = Readonly<Record<string, unknown>>

interface Part {
  readonly name: string
  readonly path: Path
}

function fieldsAt(object: unknown, path: Path): Fields {
  const value = valueAt(object, path)
  return isObject(value) && !Array.isArray(value) ? value : {}
}

function itemsAt(object: unknown, path: Path): readonly unknown[] {
  const value = valueAt(object, path)
  return Array.isArray(value) ? value : []
}

/** The items of a list of containers, with their names or `fallback`. */
function listed(object: unknown, path: Path, fallback: string): readonly Part[] {
  const items = itemsAt(object, path)
  return items.map((item, i) => {
    const name = isObject(item) && typeof item.name === 'string' ? item.name : undefined
    return { name: name ?? (items.length === 1 ? fallback : `${fallback}-${i}`), path: [...path, i] }
  })
}

function containersOf(object: unknown, parts: readonly Part[]): readonly Fields[] {
  return parts.map(({ name, path }) => ({ ...fieldsAt(object, path), name }))
}

function originsOf(list: string, parts: readonly Part[]): MadePod['origins'] {
  return parts.flatMap(({ name, path }, i) => [
    [`spec.${list}[${i}]`, path] as const,
    [`spec.${list}[${name}]`, path] as const,
  ])
}

/** https://argo-workflows.readthedocs.io/en/latest/fields/#template: steps, dag and suspend have no pod. */
export const makeArgoPod: MakePod = (object, at) => {
  const step = fieldsAt(object, at)
  const main = ['container', 'script'].filter((field) => isObject(step[field]))
  const set = listed(object, [...at, 'containerSet', 'containers'], 'main')
  if (main.length === 0 && set.length === 0) return undefined
  const parts = [
    ...main.map((field) => ({ name: 'main', path: [...at, field] })),
    ...set,
    ...listed(object, [...at, 'sidecars'], 'sidecar'),
  ]
  const workflowPath = at.slice(0, -2)
  const workflow = fieldsAt(object, workflowPath)
  const inherited = Object.fromEntries(
    ['serviceAccountName', 'securityContext', 'nodeSelector', 'affinity', 'hostNetwork', 'imagePullSecrets'].flatMap(
      (field) => (step[field] === undefined && workflow[field] !== undefined ? [[field, workflow[field]]] : []),
    ),
  )
  const volumes = [workflowPath, at].flatMap((path) => itemsAt(object, [...path, 'volumes']))
  return {
    spec: { ...step, ...inherited, volumes, containers: containersOf(object, parts) },
    origins: [
      ...originsOf('containers', parts),
      ...Object.keys(inherited).map((field) => [`spec.${field}`, [...workflowPath, field]] as const),
    ],
  }
}

const kserveContainer = 'kserve-container'

/** Fields of a predictor or explainer that become its container, of which the runtime says the rest. */
const kserveFrameworks = [
  'model',
  'sklearn',
  'xgboost',
  'tensorflow',
  'pytorch',
  'triton',
  'onnx',
  'huggingface',
  'pmml',
  'lightgbm',
  'paddle',
  'art',
]

/** A predictor is a PodSpec itself: https://kserve.github.io/website/docs/reference/crd-api */
export const makeKServePod: MakePod = (object, at) => {
  const spec = fieldsAt(object, at)
  const framework = kserveFrameworks.find((field) => isObject(spec[field]))
  const own = listed(object, [...at, 'containers'], kserveContainer)
  const isNamed = own.some(({ name }) => name === kserveContainer)
  const parts = framework === undefined || isNamed ? own : [{ name: kserveContainer, path: [...at, framework] }, ...own]
  return parts.length === 0
    ? undefined
    : { spec: { ...spec, containers: containersOf(object, parts) }, origins: originsOf('containers', parts) }
}

/** https://github.com/knative/serving: a container without a name gets one. */
export const makeRevisionPod: MakePod = (object, at) => {
  const parts = listed(object, [...at, 'spec', 'containers'], 'user-container')
  const starting = listed(object, [...at, 'spec', 'initContainers'], 'init-container')
  if (parts.length === 0) return undefined
  const spec = fieldsAt(object, [...at, 'spec'])
  return {
    spec: {
      ...spec,
      containers: containersOf(object, parts),
      ...(starting.length > 0 && { initContainers: containersOf(object, starting) }),
    },
    origins: [
      ...originsOf('containers', parts),
      ...originsOf('initContainers', starting),
      ['spec', [...at, 'spec']] as const,
    ],
  }
}

/** https://github.com/kubeflow/spark-operator: Spark makes the container, with what `driver` and `executor` say of it. */
export const makeSparkPod: MakePod = (object, at) => {
  const role = fieldsAt(object, at)
  const application = at.slice(0, -1)
  const base = fieldsAt(object, [...at, 'template', 'spec'])
  const own = { name: `spark-kubernetes-${String(at.at(-1))}`, path: at }
  const sidecars = listed(object, [...at, 'sidecars'], 'sidecar')
  const { env, volumeMounts, securityContext } = role
  return {
    spec: {
      ...base,
      ...role,
      serviceAccountName: role.serviceAccount ?? base.serviceAccountName,
      securityContext: role.podSecurityContext ?? base.securityContext,
      volumes: [...itemsAt(object, [...application, 'volumes']), ...itemsAt(base, ['volumes'])],
      containers: [{ env, volumeMounts, securityContext, name: own.name }, ...containersOf(object, sidecars)],
    },
    origins: [
      ...originsOf('containers', [own, ...sidecars]),
      ['spec.serviceAccountName', [...at, 'serviceAccount']],
      ['spec.securityContext', [...at, 'podSecurityContext']],
      ['spec.volumes', [...application, 'volumes']],
    ],
  }
}

/** An override changes the pods of a runtime, which has the rest: https://www.kubeflow.org/docs/components/trainer */
export const makeTrainPod: MakePod = (object, at) => {
  const spec = fieldsAt(object, [...at, 'spec'])
  const own = listed(object, [...at, 'spec', 'containers'], 'node')
  const containers = own.length === 0 ? [{ name: 'node' }] : containersOf(object, own)
  return {
    spec: { ...spec, containers },
    origins: [...originsOf('containers', own), ['spec', [...at, 'spec']] as const],
  }
}
