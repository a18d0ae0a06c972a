import t, { type Test } from 'tap'
import jsonPatch from 'fast-json-patch'
import { annotationNames } from '../../src/annotations.ts'
import type { Config } from '../../src/config/config.ts'
import { parseConfig } from '../../src/config/parse-config.ts'
import { inject, type Injected, type Outcome } from '../../src/inject/inject.ts'
import { annotatedPod } from '../../src/inject/annotated-pod.ts'
import { uninject } from '../../src/inject/ownership/uninject.ts'
import type { Pod } from '../../src/pod/pod.ts'
import { denyReasons, injectReasons, skipReasons, warnReasons } from '../../src/reasons.ts'
import {
  describeOutcome,
  podOfManifest,
  readCases,
  readExpectation,
  updateExpectation,
  type GoldenCase,
} from '../kit/webhook/golden-corpus.ts'
import {
  answerOfCore,
  askCommandLine,
  askWebhook,
  inputText,
  type CommandLineAnswer,
} from '../kit/webhook/golden-front-ends.ts'
import { restrictedViolations, type SecuredPod } from '../kit/cluster/pod-security.ts'
import {
  containersOf,
  defaulted,
  effectiveRequest,
  podLevel,
  kubernetesQosClass,
  type ResourcePod,
} from '../kit/webhook/qos.ts'

const updating = process.env.UPDATE_GOLDEN === '1'

const cases = readCases()
const printed = new Map<GoldenCase, CommandLineAnswer>()
for (const golden of cases) printed.set(golden, await askCommandLine(golden))

const reasons = new Set<string>()
const effectiveAnnotations = new Set<string>()

for (const golden of cases) {
  t.test(golden.name.replaceAll('-', ' '), (t) => {
    // Frozen, so that whatever writes to its input throws.
    const pod = deepFreeze(structuredClone(podOfManifest(golden.manifest)))
    const outcome = inject(pod, golden.namespace, golden.config)
    const described = describeOutcome(golden, outcome)
    note(golden, outcome)
    if (updating) for (const change of updateExpectation(golden, described)) t.comment(`${golden.name}: ${change}`)
    t.strictSame(json(described), readExpectation(golden), 'the outcome is the expected one')
    for (const { message } of outcome.warnings) t.ok(message.length <= 120, `kubectl shows the whole of: ${message}`)
    checkFrontEnds(t, golden, outcome)
    if (outcome.outcome === 'injected') {
      checkPatch(t, pod, outcome)
      checkSecondPass(t, golden, outcome)
      checkSafety(t, pod, outcome)
      checkSchedulability(t, pod, outcome)
      checkReferences(t, pod, outcome)
    }
    t.end()
  })
}

t.test('the corpus shows every reason and the effect of every annotation', (t) => {
  // Requests that create no pod never reach the core.
  const shown = Object.keys({ ...skipReasons, ...injectReasons, ...denyReasons, ...warnReasons }).filter(
    (reason) => reason !== 'NotPodCreation',
  )
  t.strictSame(
    shown.filter((reason) => !reasons.has(reason)),
    [],
  )
  t.strictSame(
    annotationNames.filter((name) => !effectiveAnnotations.has(name)),
    [],
  )
  t.end()
})

function note({ manifest, config }: GoldenCase, outcome: Outcome): void {
  const diagnostics = outcome.outcome === 'denied' ? outcome.diagnostics : []
  for (const { reason } of [outcome, ...diagnostics, ...outcome.warnings]) reasons.add(reason)
  if (outcome.outcome !== 'injected') return
  const keys = Object.keys((podOfManifest(manifest) as Pod).metadata?.annotations ?? {})
  for (const name of annotationNames) if (keys.includes(config.annotationPrefix + name)) effectiveAnnotations.add(name)
}

function checkFrontEnds(t: Test, golden: GoldenCase, outcome: Outcome): void {
  const answer = answerOfCore(golden, outcome)
  t.strictSame(askWebhook(golden), answer, 'the webhook gives the same answer')
  const { exitCode, text, ...ofCommandLine } = printed.get(golden)!
  t.strictSame(json(ofCommandLine), json(answer), 'the command line gives the same answer')
  t.equal(exitCode, outcome.outcome === 'denied' ? 1 : 0, 'it exits with 1 if something was denied')
  if (outcome.outcome === 'skipped') t.equal(text, inputText(golden), 'it prints what is left alone as it was')
}

function checkPatch(t: Test, pod: unknown, outcome: Injected): void {
  t.strictSame(json(outcome.pod), outcome.pod, 'the injected pod is plain JSON')
  t.strictSame(applyPatch(pod, outcome), outcome.pod, 'the patch makes the injected pod')
}

function applyPatch(pod: unknown, { patch }: Injected): unknown {
  return jsonPatch.applyPatch(structuredClone(pod), structuredClone(patch), true).newDocument
}

/** A webhook is called again when a later one changed the pod, and replicas may have different configurations. */
function checkSecondPass(t: Test, { namespace, config }: GoldenCase, { pod, warnings }: Injected): void {
  const ofPolicy = warnings.filter(({ reason }) => reason === 'PolicyWouldDeny')
  const alreadyInjected = { outcome: 'skipped', reason: 'AlreadyInjected', warnings: ofPolicy }
  t.strictSame(
    inject(deepFreeze(structuredClone(pod)), namespace, config),
    alreadyInjected,
    'a second pass changes nothing',
  )
  const other = otherConfig(config)
  const again = inject(json(pod), namespace, other)
  if (again.outcome === 'denied') {
    const bare = uninject(annotatedPod(pod, config.annotationPrefix))
    t.equal(inject(bare, namespace, other).outcome, 'denied', 'another configuration denies only what it denied anyway')
    return
  }
  const settled = again.outcome === 'injected' ? again.pod : pod
  t.match(
    inject(settled, namespace, other),
    { outcome: 'skipped', reason: 'AlreadyInjected' },
    'a third pass changes nothing',
  )
  t.strictSame(placesOf(settled), placesOf(pod), 'each container keeps its models, where they are')
  t.match(
    inject(json(pod), namespace, { ...config, policy: { rules: [{ name: 'nobody', namespaces: ['nowhere'] }] } }),
    { outcome: 'denied', reason: 'NotAllowed' },
    'the policy is asked again',
  )
}

/** Mount paths by container. */
function placesOf({ spec }: Pod): unknown {
  return spec.containers.map(({ name, volumeMounts }) => [name, (volumeMounts ?? []).map(({ mountPath }) => mountPath)])
}

/** Would shape every pod in another way, and refuse most. */
function otherConfig({ annotationPrefix }: Config): Config {
  const file = {
    annotationPrefix,
    defaults: {
      'mount-path': '/elsewhere/NAME',
      'read-only': false,
      volume: 'memory',
      credentials: 'anonymous',
      'credentials-scope': 'loader',
      'init-order': 'last',
      'run-as-user': '4711',
      cpu: '3',
      memory: '3Gi',
      timeout: '3h',
      image: 'registry.example.com/other:1',
    },
    sidecars: ['app'],
    openshift: true,
    loader: { imagePullPolicy: 'Always', imagePullSecrets: ['other'], env: { OTHER: 'other' } },
    cluster: { version: '1.29' },
    mountpoint: { headroomGate: true },
  }
  const result = parseConfig(JSON.stringify(file))
  if (!result.ok) throw new Error(result.problems.join('\n'))
  return result.config
}

function checkSafety(t: Test, before: unknown, outcome: Injected): void {
  const violations = restrictedViolations(before as SecuredPod)
  // No way to a directory of the node is restricted, which is why an operator has to allow it first.
  const nodeVolumes = outcome.models
    .filter(({ delivery }) => delivery === 'node')
    .map(({ name }) => `volume model-data${name === 'model' ? '' : `-${name}`} is a hostPath`)
  const allowed = [...violations, ...nodeVolumes]
  const added = restrictedViolations(outcome.pod as SecuredPod).filter((violation) => !allowed.includes(violation))
  t.strictSame(added, [], 'the pod is as restricted as before')
}

function checkSchedulability(t: Test, before: unknown, outcome: Injected): void {
  const after = outcome.pod as ResourcePod
  t.equal(kubernetesQosClass(after), kubernetesQosClass(before as ResourcePod), 'the QoS class is kept')
  t.strictSame(resourceProblems(after), [], 'the API server accepts the resources')
}

/** Validation of resources as in pkg/apis/core/validation: requests within limits, containers within the pod. */
function resourceProblems(pod: ResourcePod): string[] {
  const own = pod.spec.resources ? podLevel(pod, pod.spec.resources) : undefined
  const exceeds = (amount: bigint | undefined, most: bigint | undefined): boolean =>
    amount !== undefined && most !== undefined && amount > most
  const inContainers = containersOf(pod).flatMap(({ name, resources }) => {
    const { requests, limits } = defaulted(resources)
    return Object.keys(requests).flatMap((resource) =>
      [
        exceeds(requests[resource], limits[resource]) ? `${name} requests more ${resource} than its limit` : [],
        exceeds(limits[resource], own?.limits[resource]) ? `${name} has a ${resource} limit above that of the pod` : [],
      ].flat(),
    )
  })
  const inPod = Object.keys(own?.requests ?? {}).filter((resource) =>
    exceeds(effectiveRequest(pod, resource), own?.requests[resource]),
  )
  return [...inContainers, ...inPod.map((resource) => `the containers request more ${resource} than the pod`)]
}

function checkReferences(t: Test, before: unknown, { pod }: Injected): void {
  const volumes = (pod.spec.volumes ?? []).map(({ name }) => name)
  // A StatefulSet's own mounts may be of its claim templates.
  const mountable = [
    ...volumes,
    ...(before as Pod).spec.containers.flatMap(({ volumeMounts }) => volumeMounts ?? []).map(({ name }) => name),
  ]
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers]
  t.strictSame(duplicates(volumes), [], 'no two volumes have one name')
  t.strictSame(duplicates(containers.map(({ name }) => name)), [], 'no two containers have one name')
  for (const { name, volumeMounts, env } of containers) {
    const mounts = volumeMounts ?? []
    t.strictSame(
      mounts.filter((mount) => !mountable.includes(mount.name)),
      [],
      `${name} mounts volumes that the pod has`,
    )
    t.strictSame(duplicates(mounts.map(({ mountPath }) => mountPath)), [], `${name} mounts one volume at a path`)
    if (name.startsWith('model-loader')) {
      t.strictSame(duplicates((env ?? []).map((variable) => variable.name)), [], `${name} has no variable twice`)
    }
  }
}

function duplicates(names: readonly string[]): string[] {
  return names.filter((name, i) => names.indexOf(name) < i)
}

function json<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(deepFreeze)
    Object.freeze(value)
  }
  return value
}
