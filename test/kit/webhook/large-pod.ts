/** Parts that pods have many of. */
import { createHash } from 'node:crypto'

export type Json = Record<string, unknown>
type Values = Record<string, string | undefined>

const prefix = 'models.example.io/'

interface Parts {
  /** Annotations by name; an undefined value leaves one out. */
  readonly own?: Values
  readonly foreign?: Record<string, string>
  readonly metadata?: Json
  readonly app?: Json
  readonly spec?: Json
}

/** One model for the container `app`, and what else is asked for. */
export function pod({ own = {}, foreign = {}, metadata = {}, app = {}, spec = {} }: Parts): Json {
  const annotations = { source: 's3://models/llama/1/', size: '1Gi', containers: 'app', ...own }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', annotations: { ...foreign, ...keyed(annotations, prefix) }, ...metadata },
    spec: { containers: [{ name: 'app', ...app }], ...spec },
  }
}

function keyed(values: Values, before: string): Values {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [before + key, value]))
}

export function times<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: Math.ceil(count) }, (_, i) => make(i))
}

export function dictionary(count: number, make: (i: number) => [string, string]): Record<string, string> {
  return Object.fromEntries(times(count, make))
}

export const namedItem = (word: string) => (i: number) => ({ name: `${word}${i}` })
export const containers = (count: number): Json[] => [{ name: 'app' }, ...times(count, namedItem('c'))]
export const models = (count: number, more: Values = {}): Values =>
  Object.assign({}, ...times(count, (i) => model(i, more))) as Values

function model(i: number, more: Values): Values {
  const values = { source: `s3://models/m${i}/`, size: '1Gi', containers: 'app', ...more }
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [`${key}.m${i}`, value]))
}

/** As many models as the limit lets through, one of them without a name. */
export const allModels = (more: Values = {}): Values => models(31, more)

/** A status that was made for just these annotations, as far as the code can tell. */
export function withStatus(made: Json, status: Json): Json {
  const metadata = made.metadata as { annotations: Record<string, string> }
  const pairs = Object.entries(metadata.annotations)
    .filter(([key]) => key.startsWith(prefix))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  const annotations = createHash('sha256').update(JSON.stringify(pairs)).digest('hex').slice(0, 16)
  const whole = {
    schema: 1,
    injector: '0',
    config: '0',
    annotations,
    models: [{ ...modelStatus, containers: ['app'] }],
    initOrder: 'auto',
    runAsUser: 'auto',
    added: { volumes: ['model-data'] },
    replaced: {},
    ...status,
  }
  const text = JSON.stringify(whole)
  return { ...made, metadata: { ...metadata, annotations: { ...metadata.annotations, [`${prefix}status`]: text } } }
}

export const modelStatus = {
  name: 'model',
  source: 's3://models/llama/1/',
  delivery: 'download',
  loader: 'model-loader',
  volume: 'model-data',
  subPath: '0/files',
  mountPath: '/models/model',
}

/** Enough to be taken for our loader, and not whole. */
export const loader = {
  name: 'model-loader',
  args: ['load'],
  env: [{ name: 'MODEL_SOURCE', value: 's3://models/llama/1/' }],
  volumeMounts: [{ name: 'model-data', mountPath: '/model' }],
}
export const injectedParts = { initContainers: [loader], volumes: [{ name: 'model-data', emptyDir: {} }] }

export const mounts = (count: number, name = 'v'): Json[] => times(count, (i) => ({ name, mountPath: `/mnt/${i}` }))
export const terms = (count: number): Json[] =>
  times(count, (i) => ({ matchExpressions: [{ key: `k${i}`, operator: 'Exists' }] }))

export function required(nodeSelectorTerms: Json[]): Json {
  return { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } } }
}
