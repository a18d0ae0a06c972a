/**
 * The order of the webhooks decides some things, as docs/other-webhooks.md says: each webhook decides by the pod that it gets.
 * The EKS webhook and the Vault injector are real.
 */
import t from 'tap'
import { defaultPrefix } from '../../src/annotations.ts'
import { annotatedPod } from '../../src/inject/annotated-pod.ts'
import { uninject } from '../../src/inject/ownership/uninject.ts'
import type { Container, Pod } from '../../src/pod/pod.ts'
import { admitInAll, type Results } from '../kit/peers/check-combinations.ts'
import { describeTurns, everyOrder, type Combination } from '../kit/peers/combinations.ts'
import { accounts, ours } from '../kit/peers/peer-cluster.ts'
import { vaultAnnotations, withAnnotations } from '../kit/peers/peer-pods.ts'
import { allContainers, containersWithCredentials, loaderOf } from '../kit/peers/pod-parts.ts'
import { startPeers } from '../kit/peers/start-peers.ts'
import { podWith } from '../kit/webhook/pods.ts'

// The first run on a machine builds the control plane and the other webhooks from source.
const timeout = 60 * 60 * 1000
t.setTimeout(timeout)

const combinations = everyOrder('order', [ours, 'eks', 'vault'])
const withCollector = everyOrder('collector', [ours, 'collector'])
/** Replayed: a webhook that adds a container of a name that is not in the list of known ones. */
const collector = {
  container: 'collector',
  mutate: (pod: Pod): Pod =>
    containerOf(pod, 'collector') === undefined
      ? {
          ...pod,
          spec: { ...pod.spec, containers: [...pod.spec.containers, { name: 'collector', image: 'collector:1' }] },
        }
      : pod,
}
const model = { source: 's3://models/llama/', size: '1Gi' }

t.test(
  'what holds when each webhook is called, with the real EKS webhook and Vault injector',
  { timeout },
  async (t) => {
    const cluster = await startPeers(t, [...combinations, ...withCollector], { collector })
    const admit = (pod: Pod): Promise<Results> => admitInAll(cluster, pod, combinations)

    await t.test('a Vault injector after us mounts its secrets into the loader, too', async (t) => {
      const results = await admit(withVault(model))
      t.strictSame(
        namesWhere(results, (pod) => mountPathsOf(loaderOf(pod)).includes('/vault/secrets')),
        namesOf(combinations.filter((combination) => isAfter(combination, 'vault', ours))),
      )
    })

    await t.test('of init-order: first and agent-init-first, the later one is first', async (t) => {
      const results = await admit(withVault({ ...model, 'init-order': 'first' }, { 'agent-init-first': 'true' }))
      t.strictSame(
        namesWhere(results, (pod) => initNames(pod)[0] === 'vault-agent-init'),
        namesOf(combinations.filter((combination) => isAfter(combination, 'vault', ours))),
      )
      t.strictSame(
        namesWhere(results, (pod) => initNames(pod)[0] === 'model-loader'),
        namesOf(combinations.filter((combination) => isAfter(combination, ours, 'vault'))),
      )
    })

    await t.test('with init-order: last an init agent that comes later stands after the loader', async (t) => {
      const results = await admit(withVault({ ...model, 'init-order': 'last' }))
      t.strictSame(
        namesWhere(results, (pod) => initNames(pod).at(-1) === 'vault-agent-init'),
        namesOf(combinations.filter((combination) => isAfter(combination, 'vault', ours))),
      )
    })

    await t.test(
      'a container that is not in the list of known ones gets the model if it is there already',
      async (t) => {
        const results = await admitInAll(cluster, podOf(model), withCollector)
        t.strictSame(
          namesWhere(results, (pod) => mountPathsOf(containerOf(pod, 'collector')).includes('/models/model')),
          namesOf(withCollector.filter((combination) => isAfter(combination, ours, 'collector'))),
        )
      },
    )

    await t.test('containers: "*" means the agent if it is there already', async (t) => {
      const results = await admit(withVault({ ...model, containers: '*' }))
      t.strictSame(
        namesWhere(results, (pod) => mountPathsOf(containerOf(pod, 'vault-agent')).includes('/models/model')),
        namesOf(combinations.filter((combination) => isAfter(combination, ours, 'vault'))),
      )
    })

    await t.test(
      'agent-copy-volume-mounts copies the model, to an init agent that runs before it is there',
      async (t) => {
        const results = await admit(withVault(model, { 'agent-copy-volume-mounts': 'app', 'agent-init-first': 'true' }))
        const early = (pod: Pod): boolean =>
          mountPathsOf(containerOf(pod, 'vault-agent-init')).includes('/models/model') &&
          initNames(pod).indexOf('vault-agent-init') < initNames(pod).indexOf('model-loader')
        t.strictSame(
          namesWhere(results, early),
          namesOf(combinations.filter((combination) => isAfter(combination, 'vault', ours))),
        )
      },
    )

    await t.test('an agent that logs in to Vault with the role has it with credentials-scope: loader', async (t) => {
      const { spec, ...rest } = withVault({ ...model, 'credentials-scope': 'loader' }, { 'auth-type': 'aws' })
      const results = await admit({ ...rest, spec: { ...spec, serviceAccountName: accounts.podIdentity } })
      t.strictSame(
        namesWhere(results, (pod) => containersWithCredentials(pod).includes('vault-agent')),
        namesOf(
          combinations.filter((combination) => isAfter(combination, 'eks', 'vault') || !isCalledOnce(combination)),
        ),
      )
      t.strictSame(
        namesWhere(results, (pod) => containersWithCredentials(pod).includes('app')),
        namesOf(combinations.filter((combination) => isAfter(combination, ours, 'eks'))),
        'the app has it only where the EKS webhook came before us',
      )
    })

    const withRole = podOf({ ...model, credentials: 'irsa', 'service-account': accounts.irsa })

    await t.test('service-account with irsa has no role where the EKS webhook is called before us alone', async (t) => {
      const results = await admit(withRole)
      t.strictSame(
        namesWhere(results, (pod) => loaderOf(pod)?.env?.some(({ name }) => name === 'AWS_ROLE_ARN') !== true),
        namesOf(combinations.filter((combination) => isAfter(combination, ours, 'eks') && isCalledOnce(combination))),
      )
    })

    await t.test(
      'the loader does not learn the region where the app has one of its own and EKS is called before us alone',
      async (t) => {
        const { spec, ...rest } = podOf(model)
        const env = [{ name: 'AWS_REGION', value: 'us-west-2' }]
        const containers = spec.containers.map((container) => ({ ...container, env }))
        const results = await admit({
          ...rest,
          spec: { ...spec, containers, serviceAccountName: accounts.podIdentity },
        })
        t.strictSame(
          namesWhere(results, (pod) => loaderOf(pod)?.env?.some(({ name }) => name === 'AWS_REGION') !== true),
          namesOf(combinations.filter((combination) => isAfter(combination, ours, 'eks') && isCalledOnce(combination))),
        )
      },
    )

    await t.test('uninject leaves what the EKS webhook has added for our service account', async (t) => {
      const results = await admit(withRole)
      const after = new Map(
        [...results].map(([combination, { pod }]) => [
          combination,
          { pod: uninject(annotatedPod(pod, defaultPrefix)), warnings: [] },
        ]),
      )
      t.ok([...after.values()].every(({ pod }) => pod.spec.serviceAccountName === 'default' && !loaderOf(pod)))
      t.strictSame(
        namesWhere(after, (pod) => containersWithCredentials(pod).includes('app')),
        namesOf(combinations.filter((combination) => !isAfter(combination, ours, 'eks') || !isCalledOnce(combination))),
      )
    })
  },
)

function podOf(annotations: Readonly<Record<string, string>>): Pod {
  const pod = podWith(annotations)
  return { ...pod, metadata: { ...pod.metadata, name: 'app' } }
}

function withVault(annotations: Readonly<Record<string, string>>, options: Readonly<Record<string, string>> = {}): Pod {
  return withAnnotations(podOf(annotations), vaultAnnotations(options))
}

/** The first call counts: Vault's injector marks the pod and leaves it alone afterwards. */
function isAfter({ turns }: Combination, later: string, earlier: string): boolean {
  const names = turns.map(({ webhook }) => webhook)
  return names.indexOf(later) > names.indexOf(earlier)
}

function isCalledOnce({ turns }: Combination): boolean {
  return turns.every(({ reinvocation }) => reinvocation === 'Never')
}

function namesWhere(results: Results, holds: (pod: Pod) => boolean): readonly string[] {
  return namesOf([...results].filter(([, { pod }]) => holds(pod)).map(([combination]) => combination))
}

function namesOf(some: readonly Combination[]): readonly string[] {
  return some.map(({ turns }) => describeTurns(turns))
}

function initNames(pod: Pod): readonly string[] {
  return (pod.spec.initContainers ?? []).map(({ name }) => name)
}

function containerOf(pod: Pod, name: string): Container | undefined {
  return allContainers(pod).find((container) => container.name === name)
}

function mountPathsOf(container: Container | undefined): readonly string[] {
  return (container?.volumeMounts ?? []).map(({ mountPath }) => mountPath)
}
