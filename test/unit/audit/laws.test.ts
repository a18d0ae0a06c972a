/** The laws of judging, on generated pods and on the golden corpus. A failure prints the seed; FAST_CHECK_SEED gives other pods. */
import fc from 'fast-check'
import t from 'tap'
import { defaultPrefix } from '../../../src/annotations.ts'
import { auditPod } from '../../../src/audit/audit-pod.ts'
import { conformingJudgements, type Judgement } from '../../../src/audit/judgement.ts'
import type { Config } from '../../../src/config/config.ts'
import { inject } from '../../../src/inject/inject.ts'
import { isOurLoader } from '../../../src/inject/ownership/own-loaders.ts'
import { loaderRoot } from '../../../src/pod/injected-names.ts'
import type { Container, Pod } from '../../../src/pod/pod.ts'
import { eksWebhook } from '../../kit/aws/eks-webhook.ts'
import { podOfManifest, readCases } from '../../kit/webhook/golden-corpus.ts'
import { caseCount } from '../../kit/tools/long-runs.ts'
import { mesh, meshModes } from '../../kit/cluster/meshes.ts'
import { annotatedPods, configurations } from '../../kit/webhook/pods.ts'

const seed = Number(process.env.FAST_CHECK_SEED ?? 20260101)
const numRuns = caseCount({ short: 100, long: 3000 })

function created(pod: Pod): Pod {
  return { ...pod, metadata: { ...pod.metadata, name: 'x', uid: '5f0c' } }
}

function judge(pod: Pod, config: Config, namespace = 'team'): readonly Judgement[] {
  return auditPod(created(pod), namespace, config)?.judgements.map(({ judgement }) => judgement) ?? []
}

/** A model on storage of the pod's own is exposed by whoever else writes there, from the beginning. */
function problems(pod: Pod, config: Config, namespace = 'team'): readonly string[] {
  return (auditPod(created(pod), namespace, config)?.judgements ?? [])
    .filter(({ judgement }) => !conformingJudgements.includes(judgement) && judgement !== 'exposed')
    .map(({ judgement, reason, evidence }) => `${judgement}: ${reason} ${JSON.stringify(evidence)}`)
}

function injected(pod: Pod, config: Config): Pod | undefined {
  const outcome = inject(pod, 'team', config)
  return outcome.outcome === 'injected' ? outcome.pod : undefined
}

/** Runs a law on injected pods; a pod that is denied is no case, but most must not be. */
function lawOfInjection(name: string, check: (pod: Pod, config: Config, original: Pod) => void): void {
  t.test(name, (t) => {
    let count = 0
    fc.assert(
      fc.property(annotatedPods(), configurations, (pod, config) => {
        const result = injected(pod, config)
        if (result === undefined) return
        count++
        check(result, config, pod)
      }),
      { seed, numRuns },
    )
    t.ok(count > numRuns / 2, `${count} of ${numRuns} pods were injected`)
    t.end()
  })
}

function expectFine(pod: Pod, config: Config): void {
  const found = problems(pod, config)
  if (found.length > 0) throw new Error(found.join('\n'))
}

function expectTampered(pod: Pod, config: Config, what: string): void {
  const found = judge(pod, config)
  if (!found.includes('tampered')) throw new Error(`${what}: ${found.join(', ')}`)
}

lawOfInjection('a pod that was injected a moment ago conforms', (pod, config) => {
  expectFine(pod, config)
})

lawOfInjection('it conforms after the identity webhook of EKS', (pod, config) => {
  expectFine(eksWebhook(pod, { podIdentity: ['default', 'my-app'], region: 'eu-west-1' }), config)
})

lawOfInjection('it conforms whatever the order of mounts and variables', (pod, config) => {
  const turned = (container: Container): Container => ({
    ...container,
    ...(container.volumeMounts && { volumeMounts: container.volumeMounts.toReversed() }),
    ...(container.env && { env: container.env.toReversed() }),
  })
  const { containers, initContainers } = pod.spec
  expectFine(
    {
      ...pod,
      spec: {
        ...pod.spec,
        containers: containers.map(turned),
        ...(initContainers && { initContainers: initContainers.map(turned) }),
      },
    },
    config,
  )
})

t.test('nothing that a mesh changes afterwards is taken for tampering', (t) => {
  let count = 0
  fc.assert(
    fc.property(annotatedPods({ star: false }), configurations, fc.constantFrom(...meshModes), (pod, config, mode) => {
      const first = injected(pod, config)
      if (first === undefined) return
      const meshed = mesh(first, mode)
      const settled = injected(meshed, config) ?? meshed
      count++
      if (judge(settled, config).includes('tampered')) throw new Error(problems(settled, config).join('\n'))
    }),
    { seed, numRuns },
  )
  t.ok(count > numRuns / 2, `${count} of ${numRuns} pods were injected`)
  t.end()
})

lawOfInjection('a pod that was never injected is missing its model', (_pod, config, original) => {
  const found = judge(original, config)
  if (!found.includes('missing') || found.includes('conforming')) throw new Error(found.join(', '))
})

function withLoaders(pod: Pod, change: (loader: Container) => Container): Pod {
  return {
    ...pod,
    spec: {
      ...pod.spec,
      initContainers: (pod.spec.initContainers ?? []).map((container) =>
        isOurLoader(container) ? change(container) : container,
      ),
    },
  }
}

lawOfInjection('a variable of ours that is changed in a loader shows', (pod, config) => {
  for (const loader of (pod.spec.initContainers ?? []).filter(isOurLoader)) {
    for (const { name } of (loader.env ?? []).filter((variable) => variable.name.startsWith('MODEL_'))) {
      const changed = withLoaders(pod, (container) =>
        container.name === loader.name
          ? {
              ...container,
              env: (container.env ?? []).map((variable) =>
                variable.name === name ? { name, value: 'other' } : variable,
              ),
            }
          : container,
      )
      expectTampered(changed, config, name)
    }
  }
})

lawOfInjection('a mount of ours that is taken away, or shows something else, shows', (pod, config) => {
  const status = JSON.parse(pod.metadata?.annotations?.[`${config.annotationPrefix}status`] ?? '') as {
    models: { containers: string[]; mountPath: string }[]
  }
  for (const { containers, mountPath } of status.models) {
    for (const change of [(): [] => [], (mount: object): object[] => [{ ...mount, subPath: 'elsewhere' }]]) {
      const changed = [...pod.spec.containers].map((container) =>
        containers.includes(container.name)
          ? {
              ...container,
              volumeMounts: (container.volumeMounts ?? []).flatMap((mount) =>
                mount.mountPath === mountPath ? (change(mount) as (typeof mount)[]) : [mount],
              ),
            }
          : container,
      )
      if (changed.every((container, i) => JSON.stringify(container) === JSON.stringify(pod.spec.containers[i]))) {
        continue
      }
      expectTampered({ ...pod, spec: { ...pod.spec, containers: changed } }, config, mountPath)
    }
  }
})

lawOfInjection('a loader that looks into another volume shows', (pod, config) => {
  const changed = withLoaders(pod, (loader) => ({
    ...loader,
    volumeMounts: (loader.volumeMounts ?? []).map((mount) =>
      mount.mountPath === loaderRoot ? { ...mount, name: 'other' } : mount,
    ),
  }))
  if (pod.spec.initContainers?.some(isOurLoader) === true) expectTampered(changed, config, loaderRoot)
})

t.test('no annotation makes judging throw', (t) => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('{}', '{"schema":1}', '<script>', '\u202e', 's3://', 'x'.repeat(5000)),
  )
  fc.assert(
    fc.property(
      annotatedPods(),
      configurations,
      hostile,
      fc.constantFrom('status', 'source', 'inject', 'expect', 'mount-path'),
      (pod, config, text, name) => {
        for (const base of [pod, injected(pod, config) ?? pod]) {
          const found = auditPod(
            created({
              ...base,
              metadata: {
                ...base.metadata,
                annotations: { ...base.metadata?.annotations, [defaultPrefix + name]: text },
              },
            }),
            'team',
            config,
          )
          const raw = (found?.judgements ?? []).filter(({ reason }) => /[\u0000-\u001f\u202a-\u202e]/.test(reason))
          if (raw.length > 0) throw new Error(JSON.stringify(raw))
        }
      },
    ),
    { seed, numRuns },
  )
  t.pass('it did not')
  t.end()
})

t.test('every pod of the golden corpus conforms to the configuration that shaped it', (t) => {
  let count = 0
  for (const { name, manifest, namespace, config } of readCases()) {
    const pod = podOfManifest(manifest)
    const outcome = inject(pod, namespace, config)
    if (outcome.outcome !== 'injected' || outcome.reason !== 'Injected') continue
    count++
    t.strictSame(problems(outcome.pod, config, namespace), [], name)
    const isShared = /existing-(claim|empty-dir)|share-an-existing-volume/.test(name)
    if (!isShared) t.notOk(judge(outcome.pod, config, namespace).includes('exposed'), name)
  }
  t.ok(count > 100, `${count} cases`)
  t.end()
})
