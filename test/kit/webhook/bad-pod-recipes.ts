/** Recipes of pods that have much of many things at once, and their mutation: what a search for bad pods tries. */
import {
  containers,
  dictionary,
  injectedParts,
  loader,
  models,
  modelStatus,
  mounts,
  namedItem,
  pod,
  required,
  terms,
  times,
  withStatus,
  type Json,
} from './large-pod.ts'

/** The most of each thing that a recipe asks for. */
const most = {
  models: 2000,
  containers: 20_000,
  initContainers: 20_000,
  names: 2000,
  volumes: 20_000,
  claims: 20_000,
  mounts: 20_000,
  mountsEach: 8,
  env: 20_000,
  ownAnnotations: 5000,
  foreignAnnotations: 20_000,
  length: 500_000,
  terms: 10_000,
  others: 10_000,
  statusModels: 2000,
  statusContainers: 2000,
  statusAdded: 2000,
  loaderEnv: 20_000,
  loaderMounts: 20_000,
} as const

const choices = {
  source: ['s3', 'pvc', 'node', 'oci'],
  delivery: ['default', 'mountpoint'],
  targets: ['app', '*', 'named', 'absent'],
  volume: ['own', 'existing', 'memory', 'none'],
  credentials: ['default', 'irsa', 'loader'],
  mountPaths: ['default', 'below', 'long'],
  parts: ['none', 'loader', 'damaged'],
  status: ['none', 'own', 'other'],
  operation: ['CREATE', 'UPDATE'],
  pass: ['first', 'second'],
} as const

type Amount = keyof typeof most
type Choice = keyof typeof choices

export interface PodRecipe {
  readonly amounts: Readonly<Record<Amount, number>>
  readonly chosen: Readonly<Record<Choice, string>>
}

/** A number from 0 to 1, the same sequence for the same seed. */
type Random = () => number

export function seededRandom(seed: number): Random {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Most things are left out, so that what does not belong together is rarely together. */
export function randomRecipe(random: Random): PodRecipe {
  return {
    amounts: mapKeys(most, (amount) => (random() < 0.7 ? 0 : someOf(amount, random))),
    chosen: mapKeys(choices, (choice) => (random() < 0.6 ? choices[choice][0] : pickOne(choices[choice], random))),
  }
}

/** Up to four changes: another amount or choice, or the same multiplied. */
export function mutate(recipe: PodRecipe, random: Random): PodRecipe {
  const amounts = { ...recipe.amounts }
  const chosen = { ...recipe.chosen }
  for (let changes = 1 + Math.floor(random() * 4); changes > 0; changes--) {
    const amount = pickOne(Object.keys(most) as Amount[], random)
    const choice = pickOne(Object.keys(choices) as Choice[], random)
    const kind = random()
    if (kind < 0.4) amounts[amount] = clamped(amount, amounts[amount] * 4 ** (random() * 2 - 1))
    else if (kind < 0.7) amounts[amount] = random() < 0.3 ? 0 : someOf(amount, random)
    else chosen[choice] = pickOne(choices[choice], random)
  }
  return { amounts, chosen }
}

export function cross(one: PodRecipe, other: PodRecipe, random: Random): PodRecipe {
  const pick = (): PodRecipe => (random() < 0.5 ? one : other)
  return {
    amounts: mapKeys(most, (amount) => pick().amounts[amount]),
    chosen: mapKeys(choices, (choice) => pick().chosen[choice]),
  }
}

export function scaled({ amounts, chosen }: PodRecipe, factor: number): PodRecipe {
  return { amounts: mapKeys(most, (amount) => clamped(amount, amounts[amount] * factor)), chosen }
}

export function podFrom({ amounts: n, chosen }: PodRecipe): Json {
  const made = pod({ own: ownAnnotations(n, chosen), foreign: foreignAnnotations(n), ...parts(n, chosen) })
  if (chosen.status === 'none') return made
  return withStatus(made, { ...(chosen.status === 'other' && { annotations: 'other' }), ...status(n) })
}

type Amounts = PodRecipe['amounts']
type Chosen = PodRecipe['chosen']

const sources: Readonly<Record<string, Record<string, string | undefined>>> = {
  s3: {},
  pvc: { source: 'pvc://c1/a', size: undefined },
  node: { source: 'node:///opt/m', size: undefined },
  oci: { source: `oci://registry.example.com/m@sha256:${'a'.repeat(64)}`, size: undefined },
}

const volumes: Readonly<Record<string, Record<string, string>>> = {
  own: {},
  existing: { volume: 'existing/v1' },
  memory: { volume: 'memory' },
  none: { volume: 'existing/none' },
}

function ownAnnotations(n: Amounts, { source, delivery, targets, volume, credentials, mountPaths }: Chosen): Values {
  const each: Values = {
    ...sources[source],
    ...(delivery === 'mountpoint' && { delivery, size: undefined }),
    ...volumes[volume],
    containers: containerList(targets, n),
    ...(mountPaths === 'long' && { 'mount-path': `/${'p'.repeat(n.length / 100)}` }),
  }
  const below = (i: number): [string, string] => [`mount-path.m${i}`, `/models/m0/${i}`]
  return {
    ...each,
    ...models(n.models, each),
    ...(mountPaths === 'below' && dictionary(n.models, below)),
    ...dictionary(n.ownAnnotations, (i) => [`sise${i}`, 'x'.repeat(n.length / 1000)]),
    ...(credentials === 'irsa' && { credentials }),
    ...(credentials === 'loader' && { 'credentials-scope': 'loader' }),
  }
}

type Values = Record<string, string | undefined>

function containerList(targets: string, n: Amounts): string {
  if (targets === 'named') return times(n.names + 1, (i) => `c${i}`).join(',')
  return targets === 'absent' ? times(n.names + 1, (i) => `x${i}`).join(',') : targets
}

function foreignAnnotations(n: Amounts): Record<string, string> {
  const skipped = times(n.names, (i) => `c${i}`).join(',')
  return {
    ...dictionary(n.foreignAnnotations, (i) => [`a.example.com/${i}`, 'x']),
    ...(skipped !== '' && { 'eks.amazonaws.com/skip-containers': skipped }),
    ...(n.length > 0 && { 'a.example.com/long': 'x'.repeat(n.length) }),
  }
}

function parts(n: Amounts, { parts }: Chosen): { app: Json; spec: Json; metadata: Json } {
  const each = { volumeMounts: mounts(n.mountsEach) }
  const changed = {
    ...loader,
    env: [...times(n.loaderEnv, (i) => ({ name: `MODEL_${i}`, value: 'x' })), ...loader.env],
    volumeMounts: [...loader.volumeMounts, ...mounts(n.loaderMounts)],
  }
  const loaders = parts === 'none' ? [] : [parts === 'damaged' ? { ...changed, args: [] } : changed]
  return {
    app: { volumeMounts: mounts(n.mounts), env: times(n.env, (i) => ({ name: `E${i % 999}`, value: '1' })) },
    metadata: { ownerReferences: times(n.others, namedItem('o')) },
    spec: {
      initContainers: [...loaders, ...times(n.initContainers, namedItem('i'))],
      containers: containers(n.containers).map((container) => ({ ...container, ...each })),
      volumes: [
        ...(parts === 'none' ? [] : injectedParts.volumes),
        ...times(n.volumes, (i) => ({ name: `v${i}`, emptyDir: {} })),
        ...times(n.claims, (i) => ({ name: `w${i}`, persistentVolumeClaim: { claimName: `c${i}` } })),
      ],
      ...(n.terms > 0 && required(terms(n.terms))),
      schedulingGates: times(n.others, namedItem('g')),
      tolerations: times(n.others, (i) => ({ key: `t${i}` })),
      imagePullSecrets: times(n.others, namedItem('s')),
    },
  }
}

function status(n: Amounts): Json {
  const named = times(n.statusContainers + 1, (i) => (i % 2 === 0 ? 'app' : `c${i}`))
  const added = (word: string): string[] => times(n.statusAdded, (i) => `${word}${i}`)
  return {
    models: times(n.statusModels + 1, (i) => ({ ...modelStatus, name: `m${i}`, containers: named, envAdded: named })),
    added: {
      volumes: ['model-data', ...added('v')],
      skipContainers: added('c'),
      nodeLabels: added('l'),
      tolerations: added('t'),
      schedulingGates: added('g'),
    },
  }
}

function mapKeys<K extends string, V>(table: Readonly<Record<K, unknown>>, valueOf: (key: K) => V): Record<K, V> {
  return Object.fromEntries((Object.keys(table) as K[]).map((key) => [key, valueOf(key)])) as Record<K, V>
}

/** Small amounts are as likely as large ones. */
function someOf(amount: Amount, random: Random): number {
  return Math.floor(most[amount] ** random())
}

function clamped(amount: Amount, value: number): number {
  return Math.min(most[amount], Math.floor(value))
}

export function pickOne<T>(items: readonly T[], random: Random): T {
  return items[Math.floor(random() * items.length)]!
}
