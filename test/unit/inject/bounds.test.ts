import t from 'tap'
import type { Container, Pod } from '../../../src/pod/pod.ts'
import { defaultConfig, parseConfig } from '../../../src/config/parse-config.ts'
import type { Config } from '../../../src/config/config.ts'
import { highestLimits, type PodLimits } from '../../../src/config/limits.ts'
import { inject, type Outcome } from '../../../src/inject/inject.ts'
import { readStatus } from '../../../src/inject/read-status.ts'
import { formatDiagnostic } from '../../../src/reasons.ts'

const prefix = 'models.example.io/'

function withLimits(limits: Partial<PodLimits>): Config {
  const result = parseConfig(JSON.stringify({ limits }))
  if (!result.ok) throw new Error(result.problems.join('\n'))
  return result.config
}

function podOf(annotations: Record<string, string>, containers: readonly Container[] = [{ name: 'app' }]): Pod {
  return {
    metadata: {
      annotations: Object.fromEntries(Object.entries(annotations).map(([key, value]) => [prefix + key, value])),
    },
    spec: { containers },
  }
}

function models(count: number, more: Record<string, string> = {}): Record<string, string> {
  const each = { source: 's3://models/a/', size: '1Gi', expect: 'objects=1', ...more }
  return Object.fromEntries(
    Array.from({ length: count }, (_, i) => Object.entries(each).map(([key, value]) => [`${key}.m${i}`, value])).flat(),
  ) as Record<string, string>
}

function containers(count: number): Container[] {
  return Array.from({ length: count }, (_, i) => ({ name: `c${i}` }))
}

function lines(outcome: Outcome): readonly string[] {
  return outcome.outcome === 'denied' ? outcome.diagnostics.map(formatDiagnostic) : [outcome.reason]
}

/** A pod at a limit, which is injected, and one beyond it, which is denied. */
function holds(
  name: string,
  limits: Partial<PodLimits>,
  { most, more, found }: { most: Pod; more: Pod; found: string },
): void {
  t.test(`${name}: that many are injected, and one more is denied`, (t) => {
    const config = withLimits(limits)
    t.strictSame(lines(inject(most, 'team', config)), ['Injected'])
    const outcome = inject(more, 'team', config)
    t.match(outcome, { outcome: 'denied', reason: 'LimitExceeded', warnings: [] })
    const [line, ...rest] = lines(outcome)
    t.match(line, found)
    t.strictSame(rest, [], 'nothing else is reported')
    t.end()
  })
}

holds(
  'models',
  {},
  {
    most: podOf(models(32)),
    more: podOf({ ...models(33), sise: 'no annotation', 'size.m0': 'no size' }),
    found: '"33 models" is more than one pod may ask for; accepted: at most 32 (limits.models of ',
  },
)

holds(
  'models, lowered',
  { models: 2 },
  {
    most: podOf(models(2)),
    more: podOf(models(3)),
    found: 'accepted: at most 2 (limits.models of ',
  },
)

holds(
  'annotations',
  { annotations: 6 },
  {
    most: podOf(models(2)),
    more: podOf({ ...models(2), 'env.m0': 'MODEL' }),
    found:
      '"7 annotations below models.example.io/" is more than one pod may ask for; accepted: at most 6 (limits.annotations of ',
  },
)

holds(
  'pairs of model and container',
  { modelContainerPairs: 4 },
  {
    most: podOf({ ...models(1), ...models(2, { containers: 'c0,c1' }) }, containers(3)),
    more: podOf({ ...models(2, { containers: 'c0,c1' }), 'containers.m1': '*' }, containers(3)),
    found:
      '"5 pairs of model and container" is more than one pod may ask for; accepted: at most 4 (limits.modelContainerPairs of ',
  },
)

t.test('the annotations of a pod may be as many as the table says, and no more', (t) => {
  const annotations = models(32, { env: 'E', include: '*', 'mount-path': '/m' })
  const unknown = (count: number): Pod =>
    podOf({ ...annotations, ...Object.fromEntries(Array.from({ length: count }, (_, i) => [`sise${i}`, ''])) })
  t.notMatch(inject(unknown(512 - 192), 'team', defaultConfig), { reason: 'LimitExceeded' })
  t.match(inject(unknown(513 - 192), 'team', defaultConfig), { reason: 'LimitExceeded' })
  t.end()
})

t.test('known sidecars count only where they are named', (t) => {
  const pod = (value?: string): Pod =>
    podOf(models(1, value === undefined ? {} : { containers: value }), [{ name: 'app' }, { name: 'istio-proxy' }])
  const config = withLimits({ modelContainerPairs: 1 })
  t.strictSame(lines(inject(pod(), 'team', config)), ['Injected'])
  t.match(inject(pod('*'), 'team', config), { reason: 'LimitExceeded' })
  t.match(inject(pod('app,istio-proxy'), 'team', config), { reason: 'LimitExceeded' })
  t.end()
})

t.test('no limit can be raised, and none be nothing', (t) => {
  for (const [name, highest] of Object.entries<number>(highestLimits)) {
    t.strictSame(parseConfig(`limits: {${name}: ${highest + 1}}`), {
      ok: false,
      problems: [`limits.${name}: must be <= ${highest}`],
    })
    t.strictSame(parseConfig(`limits: {${name}: 0}`), { ok: false, problems: [`limits.${name}: must be >= 1`] })
  }
  t.end()
})

t.test('the hash of a configuration changes with a lowered limit only', (t) => {
  t.equal(withLimits(highestLimits).hash, defaultConfig.hash)
  t.not(withLimits({ models: 31 }).hash, defaultConfig.hash)
  t.end()
})

t.test('a patch', (t) => {
  const pod = podOf(models(1))
  const { patch } = inject(pod, 'team', defaultConfig) as Extract<Outcome, { outcome: 'injected' }>
  const patchBytes = Buffer.byteLength(JSON.stringify(patch))

  t.test('at the limit is given', (t) => {
    t.strictSame(lines(inject(pod, 'team', withLimits({ patchBytes }))), ['Injected'])
    t.end()
  })
  t.test('one byte over the limit is not', (t) => {
    const most = patchBytes - 1
    t.strictSame(lines(inject(pod, 'team', withLimits({ patchBytes: most }))), [
      `pod: "${patchBytes} bytes of patch" is more than one pod may ask for; accepted: at most ${most} (limits.patchBytes of the operator's configuration); use fewer models or containers, or shorter paths and sources`,
    ])
    t.end()
  })
  t.test('is not even written where its parts are longer already', (t) => {
    const path = 'x'.repeat(2000)
    const outcome = inject(podOf({ source: `pvc://claim/${path}` }, containers(1000)), 'team', defaultConfig)
    t.match(lines(outcome)[0], /^pod: "at least 20\d{5} bytes of patch" is more than one pod may ask for; /)
    t.end()
  })
  t.test('counts a label once for every term that has to have it', (t) => {
    const terms = Array.from({ length: 16_000 }, (_, i) => ({
      matchExpressions: [{ key: `k${i}`, operator: 'Exists' }],
    }))
    const nodeAffinity = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } }
    const base = podOf({ source: 'node:///opt/a', 'source.b': 'node:///opt/b' })
    const result = parseConfig('policy: {rules: [{name: n, namespaces: ["*"], sources: ["node://*"]}]}')
    const outcome = inject(
      { ...base, spec: { ...base.spec, affinity: { nodeAffinity } } },
      'team',
      (result as { config: Config }).config,
    )
    t.match(lines(outcome)[0], /^pod: "at least \d{7} bytes of patch" is more than one pod may ask for; /)
    t.end()
  })
  t.end()
})

t.test('a status', (t) => {
  t.test('that would be longer than those that are read is not written', (t) => {
    const outcome = inject(
      podOf(
        models(1),
        containers(1000).map(({ name }) => ({ name: `${name}-of-long-name` })),
      ),
      'team',
      defaultConfig,
    )
    t.match(outcome, { outcome: 'denied', reason: 'LimitExceeded' })
    t.match(
      lines(outcome)[0],
      /status\]: would have \d{5} characters, more than one pod may have; accepted: at most 65536 characters/,
    )
    t.end()
  })
  t.test('from another author is read up to 64 KiB', (t) => {
    const { pod } = inject(podOf(models(1)), 'team', defaultConfig) as Extract<Outcome, { outcome: 'injected' }>
    const key = `${prefix}status`
    const text = pod.metadata?.annotations?.[key] ?? ''
    const padded = (length: number): Pod => ({
      ...pod,
      metadata: { ...pod.metadata, annotations: { ...pod.metadata?.annotations, [key]: text.padEnd(length) } },
    })
    t.not(readStatus(padded(65536), prefix), undefined)
    t.equal(readStatus(padded(65537), prefix), undefined)
    t.end()
  })
  t.end()
})

t.test('a pod that has its parts already is counted like any other', (t) => {
  const { pod } = inject(podOf(models(3)), 'team', defaultConfig) as Extract<Outcome, { outcome: 'injected' }>
  t.match(inject(pod, 'team', defaultConfig), { reason: 'AlreadyInjected' })
  t.match(inject(pod, 'team', withLimits({ models: 2 })), { reason: 'LimitExceeded' })
  t.end()
})
