/**
 * The laws of every injection, on generated pods. A failure prints the seed, the path and the smallest pod; to run it
 * again on other pods set FAST_CHECK_SEED.
 */
import fc from 'fast-check'
import jsonPatch, { type Operation } from 'fast-json-patch'
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { annotationNames, defaultPrefix } from '../../src/annotations.ts'
import type { Config } from '../../src/config/config.ts'
import { defaultConfig } from '../../src/config/parse-config.ts'
import { inject, type Injected, type Outcome } from '../../src/inject/inject.ts'
import { isDownloadLoader, isOurLoader } from '../../src/inject/ownership/own-loaders.ts'
import type { Affinity, Container, NodeSelectorRequirement, NodeSelectorTerm, Pod, Volume } from '../../src/pod/pod.ts'
import { annotatedPod } from '../../src/inject/annotated-pod.ts'
import { uninject } from '../../src/inject/ownership/uninject.ts'
import { formatDiagnostic } from '../../src/reasons.ts'
import { deliveriesOfScheme } from '../../src/values/source.ts'
import { eksWebhook, type EksOptions } from '../kit/aws/eks-webhook.ts'
import { caseCount } from '../kit/tools/long-runs.ts'
import { exemptUsers, mesh, meshModes, type MeshMode } from '../kit/cluster/meshes.ts'
import { restrictedViolations, type SecuredPod } from '../kit/cluster/pod-security.ts'
import { annotate, annotatedPods, configurations, plainPods, unknownFieldNames } from '../kit/webhook/pods.ts'
import { defaulted, kubernetesQosClass } from '../kit/webhook/qos.ts'

const firstSeed = Number(process.env.FAST_CHECK_SEED ?? 20260101)
let laws = 0
const numRuns = caseCount({ short: 100, long: 3000 })

/** Comma lists of others to which names of ours are added. */
const mergedLists = [
  'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes',
  'eks.amazonaws.com/skip-containers',
]
const podIdentityNames = [
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE',
  'eks-pod-identity-token',
]
const roleNames = ['AWS_ROLE_ARN', 'AWS_WEB_IDENTITY_TOKEN_FILE', 'aws-iam-token']
const clusterNames = ['AWS_REGION', 'AWS_DEFAULT_REGION', 'AWS_STS_REGIONAL_ENDPOINTS']
const required = 'requiredDuringSchedulingIgnoredDuringExecution'
const secretKeys = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']

function law(name: string, check: (test: typeof t) => void): void {
  t.test(name, (test) => {
    check(test as typeof t)
    test.end()
  })
}

/** Every law has pods of its own; some need a greater share of runs, or do with a smaller one. */
function runs(share = 1): { seed: number; numRuns: number } {
  return { seed: firstSeed + laws++, numRuns: Math.ceil(numRuns * share) }
}

/** Runs a law on injected pods; a pod that is denied is no case, but most must not be. */
function lawOfInjection(name: string, check: (pod: Pod, config: Config, outcome: Injected) => void): void {
  law(name, (test) => {
    let injected = 0
    fc.assert(
      fc.property(annotatedPods(), configurations, (pod, config) => {
        const outcome = inject(pod, 'team', config)
        if (outcome.outcome !== 'injected') return
        injected++
        check(pod, config, outcome)
      }),
      runs(),
    )
    test.ok(injected > numRuns / 2, `${injected} of ${numRuns} pods were injected`)
  })
}

lawOfInjection('injecting the result again changes nothing, with the same configuration', (_pod, config, { pod }) => {
  equal(inject(pod, 'team', config), { outcome: 'skipped', reason: 'AlreadyInjected', warnings: [] })
})

lawOfInjection('a configuration that forbids everything denies the result, too', (_pod, config, { pod }) => {
  const strict: Config = {
    ...config,
    policy: { rules: [{ name: 'none', namespaces: ['nowhere'] }] },
    sidecars: ['app', 'worker'],
    hash: 'other',
  }
  const outcome = inject(pod, 'elsewhere', strict)
  equal([outcome.outcome, outcome.reason], ['denied', 'NotAllowed'])
})

lawOfInjection('known sidecars of another configuration change nothing', (_pod, config, { pod }) => {
  const other: Config = { ...config, sidecars: ['app', 'worker'], hash: 'other' }
  equal(inject(pod, 'elsewhere', other), { outcome: 'skipped', reason: 'AlreadyInjected', warnings: [] })
})

law('any other configuration gives the result its own parts at the same paths, or denies the pod itself', (test) => {
  let compared = 0
  fc.assert(
    fc.property(annotatedPods(), configurations, configurations, (pod, first, second) => {
      const once = inject(pod, 'team', first)
      if (once.outcome !== 'injected') return
      const again = inject(once.pod, 'team', second)
      if (again.outcome === 'denied') {
        equal(inject(uninject(annotatedPod(once.pod, defaultPrefix)), 'team', second).outcome, 'denied')
        return
      }
      compared++
      const settled = again.outcome === 'injected' ? again.pod : once.pod
      equal(inject(settled, 'team', second).outcome, 'skipped')
      equal(placesOf(settled), placesOf(once.pod))
    }),
    runs(),
  )
  test.ok(compared > numRuns / 3, `${compared} pods were injected`)
})

/** Mount paths by app container. */
function placesOf({ spec }: Pod): unknown {
  return spec.containers.map(({ name, volumeMounts }) => [name, (volumeMounts ?? []).map(({ mountPath }) => mountPath)])
}

lawOfInjection(
  'the patch applies to the pod as it came and gives exactly the injected pod',
  (pod, _config, outcome) => {
    equal(applied(pod, outcome), outcome.pod)
  },
)

lawOfInjection('the pod that came in is not touched', (pod, config) => {
  const frozen = deepFreeze(structuredClone(pod))
  equal(inject(frozen, 'team', config).outcome, 'injected')
  equal(frozen, pod)
})

lawOfInjection('the same pod and configuration give the same answer', (pod, config, outcome) => {
  equal(inject(structuredClone(pod), 'team', config), outcome)
})

lawOfInjection('no operation of the patch names a field that is not known here', (_pod, _config, { patch }) => {
  const segments = patch.flatMap(({ path }) =>
    path.split('/').map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~')),
  )
  equal(
    segments.filter((segment) => unknownFieldNames.includes(segment)),
    [],
  )
})

lawOfInjection('everything but the declared additions stays byte for byte', (pod, _config, outcome) => {
  equal(JSON.stringify(sorted(withoutAdditions(outcome.pod, pod))), JSON.stringify(sorted(withoutNothings(pod))))
})

lawOfInjection(
  'an app container gets only mounts of models and declared variables, after its own',
  (pod, _config, outcome) => {
    const models = new Map(modelsOf(outcome.pod).map((model) => [model.mountPath, model]))
    for (const [i, container] of outcome.pod.spec.containers.entries()) {
      const [mounts, ownMounts] = listsOf(container.volumeMounts, pod.spec.containers[i]?.volumeMounts)
      const [env, ownEnv] = listsOf(container.env, pod.spec.containers[i]?.env)
      equal([mounts.slice(0, ownMounts.length), env.slice(0, ownEnv.length)], [ownMounts, ownEnv])
      for (const mount of mounts.slice(ownMounts.length)) {
        const model = models.get(mount.mountPath)
        truthy(model !== undefined && isPlaceOf(model, mount.subPath), `a foreign mount at ${mount.mountPath}`)
        truthy(
          model?.delivery === 'download' || mount.readOnly === true,
          `${mount.mountPath} is only mounted, so it is read-only`,
        )
      }
      truthy(
        env.slice(ownEnv.length).every(({ name, value = '' }) => name.endsWith('_PATH') && models.has(value)),
        'a foreign variable',
      )
    }
  },
)

lawOfInjection(
  'no two containers, volumes, variables or mount paths of one container have one name',
  (_pod, _config, { pod }) => {
    unique([...pod.spec.containers, ...(pod.spec.initContainers ?? [])].map(({ name }) => name))
    unique((pod.spec.volumes ?? []).map(({ name }) => name))
    for (const { volumeMounts } of everyContainer(pod)) {
      unique((volumeMounts ?? []).map(({ mountPath }) => mountPath.replace(/(.)\/$/, '$1')))
    }
    for (const { env } of everyContainer(pod)) unique((env ?? []).map(({ name }) => name))
  },
)

lawOfInjection('every volume that is mounted is there', (_pod, _config, { pod }) => {
  const volumes = (pod.spec.volumes ?? []).map(({ name }) => name)
  const mounted = everyContainer(pod).flatMap(({ volumeMounts }) => (volumeMounts ?? []).map(({ name }) => name))
  equal(
    mounted.filter((name) => !volumes.includes(name)),
    [],
  )
})

lawOfInjection(
  'taking the parts out again gives the pod as it came, up to empty lists and maps',
  (pod, _config, outcome) => {
    equal(withoutEmpties(uninject(annotatedPod(outcome.pod, defaultPrefix))), withoutEmpties(pod))
  },
)

lawOfInjection('taking the parts out and injecting again gives the same pod', (_pod, config, outcome) => {
  const again = inject(uninject(annotatedPod(outcome.pod, defaultPrefix)), 'team', config)
  equal(
    again.outcome === 'injected' && withoutEmpties(withoutStatus(again.pod)),
    withoutEmpties(withoutStatus(outcome.pod)),
  )
})

lawOfInjection('the QoS class stays', (pod, _config, outcome) => {
  equal(kubernetesQosClass(outcome.pod), kubernetesQosClass(pod))
})

lawOfInjection('a loader never asks for more than its own limit', (_pod, _config, outcome) => {
  for (const { name, resources } of loaders(outcome.pod)) {
    const { requests, limits } = defaulted(resources)
    for (const [resource, limit] of Object.entries(limits)) {
      truthy((requests[resource] ?? 0n) <= limit, `${name}: ${resource}`)
    }
  }
})

lawOfInjection(
  'a loader meets the restricted Pod Security Standard, and no volume breaks it but a directory of the node',
  (pod, _config, outcome) => {
    const directories = askedFor(pod)
      .filter(({ source }) => source.startsWith('node://'))
      .map(({ suffix }) => `volume model-data${suffix} is a hostPath`)
    const allowed = new Set([...restrictedViolations(pod), ...directories])
    equal(
      restrictedViolations(outcome.pod as SecuredPod).filter((violation) => !allowed.has(violation)),
      [],
    )
  },
)

lawOfInjection(
  'loaders and volumes have the fixed names that follow from the annotations, and the label says that they are there',
  (pod, _config, outcome) => {
    const asked = askedFor(pod)
    equal(
      loaders(outcome.pod).map(({ name }) => name),
      asked.filter(hasLoader).map(({ suffix }) => `model-loader${suffix}`),
    )
    const volumes = (outcome.pod.spec.volumes ?? []).map(({ name }) => name)
    equal(
      asked.filter(({ volume, suffix }) => !volume.startsWith('existing/') && !volumes.includes(`model-data${suffix}`)),
      [],
    )
    equal(volumes.includes('model-tmp'), asked.some(isDownload))
    equal(outcome.pod.metadata?.labels?.[`${defaultPrefix}injected`], 'true')
  },
)

lawOfInjection('the words of the user reach a loader through its environment only', (pod, config, outcome) => {
  const kinds = askedFor(pod)
    .filter(hasLoader)
    .map((model) => (isDownload(model) ? ['load'] : ['load', '--verify']))
  equal(
    loaders(outcome.pod).map(({ command, args }) => [command, args]),
    kinds.map((args) => [undefined, args]),
  )
  for (const loader of loaders(outcome.pod)) equal(loader.image, config.defaults.image)
})

lawOfInjection(
  'a loader that only checks gets no identity and mounts one volume, read-only',
  (pod, config, outcome) => {
    const verifiers = loaders(outcome.pod).filter((loader) => !isDownloadLoader(loader))
    for (const { env, volumeMounts } of verifiers) {
      const names = (env ?? []).map(({ name }) => name).filter((name) => !Object.hasOwn(config.loader.env, name))
      equal(
        names.filter((name) => !name.startsWith('MODEL_')),
        [],
      )
      equal(
        volumeMounts?.map(({ mountPath, readOnly }) => [mountPath, readOnly]),
        [['/model', true]],
      )
    }
    if (askedFor(pod).some(isDownload)) return
    equal(
      outcome.pod.metadata?.annotations?.['eks.amazonaws.com/skip-containers'],
      pod.metadata?.annotations?.['eks.amazonaws.com/skip-containers'],
    )
  },
)

lawOfInjection(
  'no node may be chosen that lacks a model of the node, and no other node is kept from the pod',
  (pod, _config, outcome) => {
    const { nodeSelector, affinity, tolerations } = outcome.pod.spec
    const asked = new Set(
      askedFor(pod)
        .filter(({ source }) => source.startsWith('node://'))
        .map(({ source }) => source.replace(/\/$/, '')),
    ).size
    const labelsOf = (term: NodeSelectorTerm): Set<string> =>
      new Set(
        [
          ...Object.keys(nodeSelector ?? {}),
          ...expressionsOf(term)
            .filter(({ operator, values }) => operator === 'In' && values?.join() === 'present')
            .map(({ key = '' }) => key),
        ].filter((key) => key.startsWith('node.models.example.io/')),
      )
    const terms = termsOf(affinity).filter((term) => expressionsOf(term).length + (term.matchFields ?? []).length > 0)
    for (const term of termsOf(affinity).length === 0 ? [{}] : terms) {
      truthy(labelsOf(term).size >= asked, 'a term without a label')
    }
    if (asked === 0) equal([affinity, tolerations], [pod.spec.affinity, pod.spec.tolerations])
    else {
      truthy(
        tolerations?.some(
          ({ key, operator }) =>
            operator === 'Exists' && (key ?? 'models.example.io/baked') === 'models.example.io/baked',
        ) === true,
        'a toleration',
      )
    }
  },
)

lawOfInjection('no two volumes of one claim are mounted by us', (pod, _config, { pod: injected }) => {
  const claims = new Map(
    (injected.spec.volumes ?? []).flatMap(({ name, persistentVolumeClaim }) =>
      persistentVolumeClaim ? [[name, persistentVolumeClaim.claimName] as const] : [],
    ),
  )
  const foreign = (pod.spec.volumes ?? []).map(({ name }) => name)
  const mounted = new Set(
    everyContainer(injected)
      .flatMap(({ volumeMounts }) => (volumeMounts ?? []).map(({ name }) => name))
      .filter((name) => claims.has(name)),
  )
  const ours = [...mounted].filter((name) => !foreign.includes(name))
  for (const name of ours) {
    truthy(
      ![...claims].some(([other, claimName]) => other !== name && mounted.has(other) && claimName === claims.get(name)),
      `${name} mounts a claim a second time`,
    )
  }
})

/* With other webhooks */

type Step = 'ours' | 'eks' | 'mesh'

interface Cast {
  readonly config: Config
  readonly eks: EksOptions
  readonly mode: MeshMode
}

/** An operator who strikes the proxies off the list of sidecars makes apps of them, and then the order matters. */
const casts: fc.Arbitrary<Cast> = fc.record({
  config: configurations.filter(({ sidecars }) => sidecars.includes('istio-proxy')),
  mode: fc.constantFrom(...meshModes),
  eks: fc.oneof(
    fc.record({
      podIdentity: fc.constant(['default', 'own', 'model-reader']),
      expirationSeconds: fc.integer({ min: 79200, max: 86400 }),
      region: fc.constant('eu-central-1'),
      regionalSts: fc.boolean(),
    }),
    fc.record({
      region: fc.constant('eu-central-1'),
      regionalSts: fc.boolean(),
      roles: fc.constant({
        default: 'arn:aws:iam::1:role/default',
        own: 'arn:aws:iam::1:role/own',
        'model-reader': 'arn:aws:iam::1:role/reader',
      }),
    }),
  ),
})

/** The pod after the webhooks have run in this order; undefined where ours denied it. */
function pass(pod: Pod, steps: readonly Step[], cast: Cast): Pod | undefined {
  return steps.reduce<Pod | undefined>(
    (current, step) => (current === undefined ? undefined : take(current, step, cast)),
    pod,
  )
}

function take(pod: Pod, step: Step, { config, eks, mode }: Cast): Pod | undefined {
  if (step === 'eks') return eksWebhook(pod, eks)
  if (step === 'mesh') return mesh(pod, mode)
  const outcome = inject(pod, 'team', config)
  if (outcome.outcome === 'injected') {
    equal(applied(pod, outcome), outcome.pod)
    return outcome.pod
  }
  return outcome.outcome === 'skipped' ? pod : undefined
}

/** Each list has the same webhooks in other orders, with and without a second round. */
const besideEks: readonly (readonly Step[])[] = [
  ['ours', 'eks'],
  ['eks', 'ours'],
  ['ours', 'eks', 'ours'],
  ['eks', 'ours', 'eks'],
  ['eks', 'ours', 'eks', 'ours'],
]
const besideMesh: readonly (readonly Step[])[] = [
  ['mesh', 'ours'],
  ['ours', 'mesh', 'ours'],
  ['mesh', 'ours', 'mesh'],
  ['mesh', 'ours', 'mesh', 'ours'],
  ['ours', 'mesh', 'ours', 'mesh', 'ours'],
]
const besideBoth: readonly (readonly Step[])[] = [
  ['mesh', 'ours', 'eks'],
  ['eks', 'mesh', 'ours'],
  ['mesh', 'eks', 'ours'],
  ['eks', 'ours', 'mesh', 'ours'],
  ['ours', 'mesh', 'eks', 'ours'],
  ['ours', 'eks', 'mesh', 'ours', 'eks', 'mesh'],
  ['mesh', 'ours', 'eks', 'mesh', 'ours', 'eks'],
  ['eks', 'mesh', 'ours', 'eks', 'mesh', 'ours'],
]

for (const [name, orders] of [
  ['the identity webhook of EKS', besideEks],
  ['a service mesh', besideMesh],
  ['both', besideBoth],
] as const) {
  law(`our parts come out equal in every order with ${name}`, (test) => {
    let compared = 0
    fc.assert(
      fc.property(annotatedPods({ star: false }), casts, (pod, cast) => {
        const [first, ...others] = orders
        const expected = pass(pod, first!, cast)
        // A model that the app writes to is denied where a mesh makes the loader another user; a mesh that comes later is not seen.
        if (expected === undefined && exemptUsers[cast.mode] !== undefined) return
        compared += expected === undefined ? 0 : 1
        for (const steps of others) {
          const result = pass(pod, steps, cast)
          const context = `${steps.join(', ')} with ${cast.mode}`
          equal(
            result === undefined ? undefined : ownParts(result, pod, cast),
            expected === undefined ? undefined : ownParts(expected, pod, cast),
            context,
          )
        }
      }),
      runs(2 / 3),
    )
    test.ok(compared > numRuns / 3, `${compared} pods were injected`)
  })
}

law('another pass of everybody changes nothing any more', () => {
  fc.assert(
    fc.property(annotatedPods(), casts, (pod, cast) => {
      const settled = pass(pod, ['ours', 'eks', 'mesh', 'ours', 'eks', 'mesh'], cast)
      if (settled !== undefined) equal(pass(settled, ['ours', 'eks', 'mesh', 'ours'], cast), settled)
    }),
    runs(2 / 3),
  )
})

law('after our last pass every loader has network whatever mesh came before or after it', () => {
  fc.assert(
    fc.property(annotatedPods({ star: false }), casts, fc.constantFrom(...besideMesh), (pod, cast, steps) => {
      const chosen = (name: 'init-order' | 'run-as-user'): string =>
        annotationOf(pod, name) ?? cast.config.defaults[name] ?? 'auto'
      const result = pass(pod, steps, cast)
      if (result === undefined || chosen('init-order') !== 'auto') return
      const init = result.spec.initContainers ?? []
      const places = init.flatMap((container, i) => (isDownloadLoader(container) ? [i] : []))
      const proxy = init.findIndex(
        ({ name, restartPolicy }) => /^(istio|linkerd)-proxy$/.test(name) && restartPolicy === 'Always',
      )
      const redirect = init.findIndex(({ name }) => name === 'istio-init' || name === 'linkerd-init')
      if (proxy >= 0) {
        truthy(
          places.every((place) => place > proxy),
          'after the proxy',
        )
      } else if (redirect >= 0) {
        truthy(
          places.every((place) => place < redirect),
          'before the redirection',
        )
      }
      const exempt = exemptUsers[cast.mode]
      if (exempt !== undefined && chosen('run-as-user') === 'auto') {
        equal(
          places.map((place) => init[place]?.securityContext?.runAsUser),
          places.map(() => exempt),
        )
      }
    }),
    runs(),
  )
})

law('a loader stays as restricted as it was in every mesh', () => {
  fc.assert(
    fc.property(annotatedPods(), casts, fc.constantFrom(...besideMesh), (pod, cast, steps) => {
      const result = pass(pod, steps, cast)
      if (result === undefined) return
      equal(
        restrictedViolations(result as SecuredPod).filter((violation) => violation.includes('model-loader')),
        [],
      )
    }),
    runs(),
  )
})

law('the QoS class stays what it is without us in every mesh', () => {
  fc.assert(
    fc.property(annotatedPods(), casts, fc.constantFrom(...besideMesh), (pod, cast, steps) => {
      const result = pass(pod, steps, cast)
      if (result !== undefined) equal(kubernetesQosClass(result), kubernetesQosClass(mesh(pod, cast.mode)))
    }),
    runs(),
  )
})

law('the other webhooks of these tests do something, and nothing more the second time', (test) => {
  let touched = 0
  fc.assert(
    fc.property(plainPods, casts, (pod, { eks, mode }) => {
      const meshed = mesh(pod, mode)
      truthy(meshed !== pod && !isDeepStrictEqual(meshed, pod), 'the mesh adds its proxy')
      equal(mesh(meshed, mode), meshed)
      const identified = eksWebhook(pod, eks)
      touched += identified === pod ? 0 : 1
      equal(eksWebhook(identified, eks), identified)
    }),
    runs(1 / 3),
  )
  test.ok(touched > numRuns / 10, `${touched} pods got an identity`)
})

/* Damage by other webhooks */

const damages: Readonly<Record<string, (loader: Container) => Container>> = {
  'its arguments': (loader) => ({ ...loader, args: [] }),
  'its command': (loader) => ({ ...loader, command: ['/bin/sh'] }),
  'its source': (loader) => ({ ...loader, env: (loader.env ?? []).filter(({ name }) => name !== 'MODEL_SOURCE') }),
  'the value of its source': (loader) => ({
    ...loader,
    env: (loader.env ?? []).map((one) => (one.name === 'MODEL_SOURCE' ? { ...one, value: 's3://evil/x/' } : one)),
  }),
  'its environment': (loader) => ({ ...loader, env: null }),
  'its mounts': (loader) => ({ ...loader, volumeMounts: null }),
  'its last mount': (loader) => ({ ...loader, volumeMounts: loader.volumeMounts?.slice(0, 1) ?? [] }),
}

law('damage of a loader by another webhook is repaired, and then the pod is left alone', (test) => {
  let healed = 0
  const kinds = fc.constantFrom(...Object.keys(damages))
  fc.assert(
    fc.property(annotatedPods(), configurations, configurations, kinds, (pod, config, other, kind) => {
      const first = inject(pod, 'team', config)
      if (first.outcome !== 'injected') return
      const broken = changeLoaders(first.pod, damages[kind]!)
      if (isDeepStrictEqual(loaders(broken), loaders(first.pod))) return
      const second = inject(broken, 'team', config)
      if (second.outcome !== 'injected') throw new Error(`${kind}: ${JSON.stringify(second)}`)
      healed++
      equal(second.reason, 'Healed')
      equal(loaderParts(second.pod), loaderParts(first.pod), kind)
      equal(inject(second.pod, 'team', config).outcome, 'skipped', kind)
      settles(broken, other)
    }),
    runs(),
  )
  test.ok(healed > numRuns / 3, `${healed} pods were healed`)
})

law('loaders that another webhook took away are put back', (test) => {
  let healed = 0
  fc.assert(
    fc.property(annotatedPods(), configurations, configurations, (pod, config, other) => {
      const first = inject(pod, 'team', config)
      if (first.outcome !== 'injected' || loaders(first.pod).length === 0) return
      const initContainers = (first.pod.spec.initContainers ?? []).filter((container) => !isOurLoader(container))
      const broken: Pod = { ...first.pod, spec: { ...first.pod.spec, initContainers } }
      const second = inject(broken, 'team', config)
      if (second.outcome !== 'injected') throw new Error(JSON.stringify(second))
      healed++
      equal(second.reason, 'Healed')
      equal(loaderParts(second.pod), loaderParts(first.pod))
      equal(appParts(second.pod), appParts(first.pod))
      settles(broken, other)
    }),
    runs(),
  )
  test.ok(healed > numRuns / 2, `${healed} pods were healed`)
})

law('mounts and variables of the app that another webhook took away are put back', () => {
  fc.assert(
    fc.property(annotatedPods(), configurations, configurations, fc.boolean(), (pod, config, other, keepEnv) => {
      const first = inject(pod, 'team', config)
      if (first.outcome !== 'injected') return
      const bare = first.pod.spec.containers.map((container, i) =>
        keepEnv ? { ...container, volumeMounts: pod.spec.containers[i]!.volumeMounts ?? [] } : pod.spec.containers[i]!,
      )
      const broken: Pod = { ...first.pod, spec: { ...first.pod.spec, containers: bare } }
      const second = inject(broken, 'team', config)
      if (second.outcome !== 'denied') {
        equal(appParts(second.outcome === 'injected' ? second.pod : broken), appParts(first.pod))
      }
      truthy(second.outcome !== 'denied', JSON.stringify(second))
      settles(broken, other)
    }),
    runs(),
  )
})

law('a loader that is damaged and in the wrong place for a mesh is repaired in one pass', () => {
  fc.assert(
    fc.property(annotatedPods({ star: false }), casts, (pod, cast) => {
      const first = pass(pod, ['ours', 'mesh'], cast)
      if (first === undefined) return
      const mended = pass(changeLoaders(first, damages['its arguments']!), ['ours'], cast)
      equal(mended === undefined ? undefined : pass(mended, ['ours'], cast), mended)
    }),
    runs(),
  )
})

/** A denial is an answer, too; what is injected has to stay as it is. */
function settles(pod: Pod, config: Config): void {
  const once = inject(pod, 'team', config)
  if (once.outcome === 'injected') equal(inject(once.pod, 'team', config).outcome, 'skipped', 'the second pass')
}

/* Hostile input */

law('no JSON makes the core throw, and what has no annotation of ours is let through', () => {
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), fc.anything(), plainPods), configurations, (object, config) => {
      equal(inject(object, 'team', config).outcome, 'skipped')
    }),
    runs(10 / 3),
  )
})

law('a pod with anything anywhere is answered, and nothing raw gets into the answer', (test) => {
  const outcomes = new Set<string>()
  fc.assert(
    fc.property(annotatedPods(), fc.jsonValue({ maxDepth: 2 }), fc.nat(), (pod, value, place) => {
      const outcome = inject(replaceSomewhere(pod, value, place), 'team', defaultConfig)
      outcomes.add(outcome.outcome)
      equal(rawCharacters(outcome), [])
    }),
    runs(5),
  )
  test.strictSame([...outcomes].sort(), ['denied', 'injected', 'skipped'])
})

const hostileTexts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ maxLength: 20 }),
  fc.constantFrom(
    '\u001b[31m',
    's3://\u0007/x',
    'pvc://\u202e/x',
    '\u2028://',
    's3://b\u0000/',
    '*'.repeat(300),
    'https://\u001b',
    '__proto__',
    'constructor',
    '',
  ),
)

law('no annotation and no name makes the core throw, and no control character comes back', () => {
  const suffixes = fc.oneof(
    fc.constant(''),
    hostileTexts.map((text) => `.${text}`),
  )
  const names = fc.oneof(fc.constantFrom(...annotationNames, 'status'), hostileTexts)
  const annotations = fc.dictionary(
    fc.tuple(names, suffixes).map((parts) => parts.join('')),
    hostileTexts,
    { maxKeys: 4, noNullPrototype: true },
  )
  fc.assert(
    fc.property(annotatedPods(), annotations, hostileTexts, fc.boolean(), (pod, more, name, softened) => {
      const containers = pod.spec.containers.map((container, i) => (i === 0 ? { ...container, name } : container))
      const config: Config = softened ? { ...defaultConfig, unknownAnnotations: 'warn' } : defaultConfig
      const hostile: Pod = { ...pod, spec: { ...pod.spec, serviceAccountName: name, containers } }
      equal(rawCharacters(inject(annotate(hostile, more), name, config)), [])
      equal(rawCharacters(inject(annotate(pod, more), 'team', config)), [])
    }),
    runs(10 / 3),
  )
})

law('a status that somebody made up is never believed', () => {
  fc.assert(
    fc.property(annotatedPods(), configurations, (pod, config) => {
      const real = inject(pod, 'team', config)
      if (real.outcome !== 'injected') return
      const status = { [`${defaultPrefix}status`]: real.pod.metadata?.annotations?.[`${defaultPrefix}status`] ?? '' }
      const spoofed: Pod = {
        ...pod,
        metadata: { ...pod.metadata, annotations: { ...pod.metadata?.annotations, ...status } },
      }
      const outcome = inject(spoofed, 'team', config)
      if (outcome.outcome !== 'injected') throw new Error(JSON.stringify(outcome))
      equal(withoutStatus(outcome.pod), withoutStatus(real.pod))
      truthy(
        outcome.warnings.some(({ reason }) => reason === 'StatusWithoutParts'),
        'a warning',
      )
    }),
    runs(),
  )
})

/* Vocabulary of the laws */

function equal(actual: unknown, expected: unknown, context = ''): void {
  if (isDeepStrictEqual(actual, expected)) return
  throw new Error(`${context} differs at ${firstDifference(actual, expected, '$')}`)
}

/** Two pods are long; where they part is what one wants to read. */
function firstDifference(actual: unknown, expected: unknown, path: string): string {
  if (isObject(actual) && isObject(expected)) {
    const key = [...new Set([...Object.keys(actual), ...Object.keys(expected)])].find(
      (name) => !isDeepStrictEqual(actual[name], expected[name]),
    )
    if (key !== undefined) return firstDifference(actual[key], expected[key], `${path}.${key}`)
  }
  return `${path}\nfound    ${JSON.stringify(actual)}\nexpected ${JSON.stringify(expected)}`
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function truthy(condition: boolean, message: string): void {
  if (!condition) throw new Error(message)
}

function unique(names: readonly string[]): void {
  equal([...new Set(names)], names)
}

function applied(pod: Pod, { patch }: Injected): Pod {
  // As it travels: two containers of a test may hold one object, of which a patch changes only one.
  const [copy, operations] = JSON.parse(JSON.stringify([pod, patch])) as [Pod, Operation[]]
  return jsonPatch.applyPatch(copy, operations, true).newDocument
}

function everyContainer(pod: Pod): readonly Container[] {
  return [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]
}

function loaders(pod: Pod): readonly Container[] {
  return (pod.spec.initContainers ?? []).filter(({ name }) => /^model-loader(-|$)/.test(name))
}

function changeLoaders(pod: Pod, change: (loader: Container) => Container): Pod {
  const initContainers = (pod.spec.initContainers ?? []).map((container) =>
    isOurLoader(container) ? change(container) : container,
  )
  return { ...pod, spec: { ...pod.spec, initContainers } }
}

function listsOf<T>(...lists: (readonly T[] | null | undefined)[]): [readonly T[], readonly T[]] {
  const [after, before] = lists
  return [after ?? [], before ?? []]
}

interface StatusModel {
  readonly mountPath: string
  readonly delivery: string
  readonly source: string
}

function modelsOf(pod: Pod): readonly StatusModel[] {
  const { models } = JSON.parse(pod.metadata?.annotations?.[`${defaultPrefix}status`] ?? '') as {
    models: StatusModel[]
  }
  return models
}

/** True if a subPath is the directory of a volume that holds the model. */
function isPlaceOf({ delivery, source }: StatusModel, subPath: string | undefined): boolean {
  if (delivery === 'download') return subPath?.endsWith('/files') === true
  return subPath === (/^pvc:\/\/[^/]+\/(.+)$|^oci:.*#(.+)$/.exec(source) ?? []).slice(1).find(Boolean)
}

/** Facts of a model that the annotations alone give. */
interface AskedModel {
  /** With its hyphen, or empty. */
  readonly suffix: string
  readonly source: string
  readonly delivery: string
  readonly volume: string
  readonly expects: boolean
}

/** The unsuffixed model first, then by name. */
function askedFor(pod: Pod): readonly AskedModel[] {
  const annotations = pod.metadata?.annotations ?? {}
  const keys = Object.keys(annotations)
    .flatMap((key) =>
      /^models\.example\.io\/source(?:\.(.+))?$/.test(key) ? [key.slice(`${defaultPrefix}source`.length)] : [],
    )
    .sort()
  return keys.map((key) => {
    const of = (name: string): string | undefined => annotations[`${defaultPrefix}${name}${key}`]
    return {
      suffix: key.replace('.', '-'),
      source: of('source') ?? '',
      delivery: of('delivery') ?? '',
      volume: of('volume') ?? '',
      expects: of('expect') !== undefined,
    }
  })
}

function isDownload({ source, delivery }: AskedModel): boolean {
  const scheme = source.split('://', 1)[0] as keyof typeof deliveriesOfScheme
  const [byDefault] = deliveriesOfScheme[scheme]
  return (delivery === '' ? byDefault : delivery) === 'download'
}

/** The table that policies check from the annotations alone. */
function hasLoader(model: AskedModel): boolean {
  if (model.source.startsWith('pvc://')) return model.expects || /^pvc:\/\/[^/]+\/./.test(model.source)
  return model.source.startsWith('node://') ? model.expects : isDownload(model)
}

/** The injected pod with what was added cut off by position and name, knowing nothing of the status. */
function withoutAdditions(injected: Pod, original: Pod): unknown {
  const head = <T>(list: readonly T[] | null | undefined, before: readonly unknown[] | null | undefined): T[] =>
    (list ?? []).slice(0, before?.length ?? 0)
  const clean = (container: Container, before: Container): unknown => ({
    ...container,
    volumeMounts: head(container.volumeMounts, before.volumeMounts),
    env: head(container.env, before.env),
  })
  const keepKeys = (map: object | null | undefined, before: object | null | undefined): object => ({
    ...Object.fromEntries(Object.keys(before ?? {}).map((key) => [key, (map as Record<string, unknown>)[key]])),
    ...Object.fromEntries(
      mergedLists.filter((key) => key in (before ?? {})).map((key) => [key, (before as Record<string, unknown>)[key]]),
    ),
  })
  const { spec, metadata } = injected
  const before = original.spec.initContainers ?? []
  return withoutNothings({
    ...injected,
    metadata: {
      ...metadata,
      annotations: keepKeys(metadata?.annotations, original.metadata?.annotations),
      labels: keepKeys(metadata?.labels, original.metadata?.labels),
    },
    spec: {
      ...spec,
      containers: spec.containers.map((container, i) => clean(container, original.spec.containers[i]!)),
      initContainers: (spec.initContainers ?? [])
        .filter((container) => !isOurLoader(container))
        .map((container, i) => clean(container, before[i]!)),
      volumes: head(spec.volumes, original.spec.volumes),
      imagePullSecrets: head(spec.imagePullSecrets, original.spec.imagePullSecrets),
      tolerations: head(spec.tolerations, original.spec.tolerations),
      schedulingGates: head(spec.schedulingGates, original.spec.schedulingGates),
      affinity: withoutAddedTerms(spec.affinity, original.spec.affinity),
      serviceAccountName: original.spec.serviceAccountName,
      serviceAccount: original.spec.serviceAccount,
      securityContext: {
        ...spec.securityContext,
        fsGroup: original.spec.securityContext?.fsGroup,
        fsGroupChangePolicy: original.spec.securityContext?.fsGroupChangePolicy,
      },
    },
  } as Pod)
}

/** Terms of the original with as many expressions as they had; whatever else there is stays to be compared. */
function withoutAddedTerms(affinity: Affinity | null | undefined, original: Affinity | null | undefined): unknown {
  const before = termsOf(original)
  const terms = termsOf(affinity)
    .slice(0, before.length)
    .map((term, i) => ({ ...term, matchExpressions: expressionsOf(term).slice(0, expressionsOf(before[i]).length) }))
  const nodeAffinity = affinity?.nodeAffinity
  return withoutEmpties({
    ...affinity,
    nodeAffinity: { ...nodeAffinity, [required]: { ...nodeAffinity?.[required], nodeSelectorTerms: terms } },
  })
}

function termsOf(affinity: Affinity | null | undefined): readonly NodeSelectorTerm[] {
  return affinity?.nodeAffinity?.[required]?.nodeSelectorTerms ?? []
}

function expressionsOf(term: NodeSelectorTerm | undefined): readonly NodeSelectorRequirement[] {
  return term?.matchExpressions ?? []
}

/** Known fields that hold nothing are taken away; the content of unknown fields stays as it is. */
function withoutNothings(pod: Pod): unknown {
  const drop = (object: object | null | undefined): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(object ?? {}).filter(
        ([key, value]) =>
          unknownFieldNames.includes(key) ||
          !(
            value === undefined ||
            value === null ||
            (typeof value === 'object' && Object.keys(value as object).length === 0)
          ),
      ),
    )
  const metadata = pod.metadata ?? {}
  return drop({
    ...pod,
    metadata: drop({ ...metadata, annotations: drop(metadata.annotations), labels: drop(metadata.labels) }),
    spec: drop({
      ...pod.spec,
      securityContext: drop(pod.spec.securityContext),
      affinity: withoutEmpties(pod.spec.affinity ?? {}),
      containers: pod.spec.containers.map(drop),
      initContainers: (pod.spec.initContainers ?? []).map(drop),
    }),
  })
}

function withoutEmpties(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpties)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, item]) => [key, withoutEmpties(item)] as const)
  return Object.fromEntries(
    entries.filter(
      ([, item]) =>
        item !== null && item !== undefined && !(typeof item === 'object' && Object.keys(item).length === 0),
    ),
  )
}

function withoutStatus(pod: Pod): unknown {
  return {
    ...pod,
    metadata: { ...pod.metadata, annotations: { ...pod.metadata?.annotations, [`${defaultPrefix}status`]: '' } },
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  )
}

/** Variables and mounts that are ours even if others add them, too; the identity webhook adds its own to any container it finds. */
function ownNames(loader: Container, original: Pod, cast: Cast): readonly string[] {
  // A loader that fetches nothing has no use for the additions of that webhook, and they are none of ours.
  if (!isDownloadLoader(loader)) return Object.keys(cast.config.loader.env)
  return [
    ...Object.keys(cast.config.loader.env),
    'AWS_EC2_METADATA_DISABLED',
    ...identityNames(loader.env?.find(({ name }) => name === 'MODEL_CREDENTIALS')?.value ?? '', original, cast),
  ]
}

function identityNames(credentials: string, original: Pod, { eks }: Cast): readonly string[] {
  if (credentials.startsWith('secret/')) return secretKeys
  const account = annotationOf(original, 'service-account')
  // Role, region and regional STS are what that webhook alone knows: with the old account it may have had nothing to say, or another role.
  const accountStays = account === undefined || account === (original.spec.serviceAccountName ?? 'default')
  if (credentials === 'pod-identity') {
    return [...podIdentityNames, ...(accountStays && eks.podIdentity !== undefined ? clusterNames : [])]
  }
  return credentials === 'irsa' && accountStays ? [...roleNames, ...(eks.roles === undefined ? [] : clusterNames)] : []
}

function annotationOf(pod: Pod, name: string): string | undefined {
  return pod.metadata?.annotations?.[defaultPrefix + name]
}

/** Our parts of a pod that others have changed, in an order of its own. */
function ownParts(pod: Pod, original: Pod, cast: Cast): unknown {
  const isOwn =
    (loader: Container) =>
    ({ name }: { readonly name: string }): boolean =>
      /^(MODEL_|model-)/.test(name) || ownNames(loader, original, cast).includes(name)
  const models = modelsOf(pod)
  const app = pod.spec.containers.filter(({ name }) =>
    original.spec.containers.some((container) => container.name === name),
  )
  return {
    loaders: loaders(pod).map((loader) => ({
      ...loader,
      env: byName((loader.env ?? []).filter(isOwn(loader))),
      volumeMounts: byName(
        (loader.volumeMounts ?? []).filter((mount) => mount.mountPath === '/model' || isOwn(loader)(mount)),
      ),
    })),
    volumes: byName(
      ownVolumes(
        pod,
        loaders(pod).flatMap((loader) => ownNames(loader, original, cast)),
      ),
    ),
    mounts: app.map(({ name, volumeMounts }) => [
      name,
      byName((volumeMounts ?? []).filter(({ mountPath }) => models.some((model) => model.mountPath === mountPath))),
    ]),
    placement: [pod.spec.affinity, pod.spec.tolerations, pod.spec.schedulingGates],
    env: app.map(({ name, env }) => [name, byName((env ?? []).filter((variable) => variable.name.endsWith('_PATH')))]),
    accounts: [pod.spec.serviceAccountName, pod.spec.serviceAccount],
    fsGroup: [pod.spec.securityContext?.fsGroup, pod.spec.securityContext?.fsGroupChangePolicy],
    pullSecrets: pod.spec.imagePullSecrets,
    label: pod.metadata?.labels?.[`${defaultPrefix}injected`],
    evict: pod.metadata?.annotations?.['cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes'],
  }
}

/** Without the expiry of the token, which the identity webhook draws. */
function ownVolumes(pod: Pod, owned: readonly string[]): Volume[] {
  return (pod.spec.volumes ?? [])
    .filter(({ name }) => /^model-(data|tmp)/.test(name) || owned.includes(name))
    .map(
      (volume) =>
        JSON.parse(
          JSON.stringify(volume, (key, value: unknown) => (key === 'expirationSeconds' ? undefined : value)),
        ) as Volume,
    )
}

function loaderParts(pod: Pod): unknown {
  return loaders(pod).map((loader) => ({
    ...loader,
    command: loader.command ?? [],
    env: byName(loader.env ?? []),
    volumeMounts: byName(loader.volumeMounts ?? []),
  }))
}

function appParts(pod: Pod): unknown {
  return pod.spec.containers.map(({ name, env, volumeMounts }) => [name, byName(env ?? []), byName(volumeMounts ?? [])])
}

function byName<T extends { readonly name: string; readonly mountPath?: string }>(items: readonly T[]): T[] {
  const key = ({ name, mountPath = '' }: T): string => name + mountPath
  return [...items].sort((a, b) => (key(a) < key(b) ? -1 : 1))
}

/** Puts a value at some place of a pod, so that the place is anything but what it should be. */
function replaceSomewhere(pod: Pod, value: unknown, place: number): unknown {
  const copy = structuredClone(pod) as unknown as Record<string, unknown>
  const places: { holder: Record<string, unknown>; key: string }[] = []
  const walk = (holder: Record<string, unknown>): void => {
    for (const [key, item] of Object.entries(holder)) {
      places.push({ holder, key })
      if (typeof item === 'object' && item !== null) walk(item as Record<string, unknown>)
    }
  }
  walk(copy)
  const chosen = places[place % places.length]
  if (chosen !== undefined) chosen.holder[chosen.key] = value
  return copy
}

/** Everything of an answer that is shown to people or written to a log. */
function rawCharacters(outcome: Outcome): string[] {
  const lines = [
    ...outcome.warnings.map(({ message }) => message),
    ...(outcome.outcome === 'denied' ? outcome.diagnostics.map(formatDiagnostic) : []),
    ...(outcome.outcome === 'injected'
      ? [...outcome.rules, ...outcome.models.flatMap((model) => Object.values(model))]
      : []),
  ]
  return lines.filter((line) => /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/.test(line))
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(deepFreeze)
    Object.freeze(value)
  }
  return value
}
