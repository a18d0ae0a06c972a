/**
 * Our second call has to put right what came after the first: new containers get no credentials without a word, and what others
 * add to the loader is kept, or removed, by what it can do there.
 */
import t from 'tap'
import { auditPod } from '../../src/audit/audit-pod.ts'
import { defaultConfig } from '../../src/config/parse-config.ts'
import type { Container, EnvVar, Pod } from '../../src/pod/pod.ts'
import { admitInAll, type Results } from '../kit/peers/check-combinations.ts'
import { describeTurns, everyCombination, type Combination } from '../kit/peers/combinations.ts'
import { ours } from '../kit/peers/peer-cluster.ts'
import { peerPods } from '../kit/peers/peer-pods.ts'
import { containersWithCredentials, loaderOf, ownParts } from '../kit/peers/pod-parts.ts'
import type { ReplayedPeer } from '../kit/peers/replayed-peers.ts'
import { startPeers } from '../kit/peers/start-peers.ts'
import { podWith } from '../kit/webhook/pods.ts'

// The first run on a machine builds the control plane and the other webhooks from source.
const timeout = 60 * 60 * 1000
t.setTimeout(timeout)

/** Ours is called again, as the chart has it. */
function withOursAgain(combinations: readonly Combination[]): readonly Combination[] {
  return combinations.filter(({ turns }) =>
    turns.some(({ webhook, reinvocation }) => webhook === ours && reinvocation === 'IfNeeded'),
  )
}

t.test('credentials-scope: loader with the real EKS webhook and Vault injector', { timeout }, async (t) => {
  const combinations = withOursAgain(everyCombination('scope', [ours, 'eks', 'vault']))
  const cluster = await startPeers(t, combinations)
  for (const { name, pod } of peerPods.filter(({ limitsCredentials }) => limitsCredentials)) {
    await t.test(`${name}: who has credentials all the same is named in a warning`, async (t) => {
      const results = await admitInAll(cluster, pod, combinations)
      const silent = [...results].flatMap(([{ turns }, { pod: admitted, warnings }]) =>
        containersWithCredentials(admitted)
          .filter((container) => !warnings.some((text) => text.includes('credentials') && text.includes(container)))
          .map((container) => `${container} in ${describeTurns(turns)}`),
      )
      t.strictSame(silent, [])
    })
  }
})

/** Agents that add a variable to every container whenever they are called: harmless, unknown to us, and one that steers Node.js. */
const additions = {
  harmless: { name: 'DD_AGENT_HOST', value: '10.0.0.1' },
  unknown: { name: 'COLOUR', value: 'blue' },
  steering: { name: 'NODE_OPTIONS', value: '--require /agent/tracer.js' },
} as const satisfies Record<string, EnvVar>

const agents: Readonly<Record<string, ReplayedPeer>> = Object.fromEntries(
  Object.entries(additions).map(([name, variable]) => [
    name,
    { mutate: (pod: Pod) => withVariable(pod, variable), container: 'agent' },
  ]),
)

t.test('an agent, replayed, that adds to every container again whenever it is called', { timeout }, async (t) => {
  const all = Object.keys(agents).map((name) => ({
    name: name as keyof typeof additions,
    combinations: withOursAgain(everyCombination(name, [ours, name])),
  }))
  const cluster = await startPeers(
    t,
    all.flatMap(({ combinations }) => combinations),
    agents,
  )
  const asked = podWith({ source: 's3://models/llama/', size: '1Gi', containers: 'app' })
  const pod = { ...asked, metadata: { ...asked.metadata, name: 'app' } }
  for (const { name, combinations } of all) {
    const results = await admitInAll(cluster, pod, combinations)
    const variable = additions[name]
    /** The agent comes after us in the first pass, and in a second one only if it is called again. */
    const lastWord = combinations.filter(({ turns }) => {
      const [first, second] = turns
      return first?.webhook === ours && second?.reinvocation === 'IfNeeded'
    })
    const seesLoader = combinations.filter(({ turns }) =>
      turns.some(({ webhook, reinvocation }, i) => webhook !== ours && (i > 0 || reinvocation === 'IfNeeded')),
    )
    const kept = name === 'harmless' ? seesLoader : lastWord

    await t.test(
      `${name}: the loader has ${variable.name} where it may be kept, or the agent has the last word`,
      (t) => {
        t.strictSame(
          namesWhere(results, (admitted) => hasVariable(loaderOf(admitted), variable)),
          namesOf(kept),
        )
        t.end()
      },
    )

    await t.test(`${name}: the rest of the loader is as planned, and the audit says so`, (t) => {
      const [expected] = results.values()
      for (const { pod: admitted } of results.values()) t.strictSame(ownParts(admitted), ownParts(expected!.pod))
      t.strictSame(
        namesWhere(results, (admitted) => judgementsOf(admitted).includes('tampered')),
        namesOf(name === 'steering' ? lastWord : []),
      )
      t.end()
    })
  }
})

/** Also a container of its own, by which one sees that it was called. */
function withVariable(pod: Pod, variable: EnvVar): Pod {
  const add = (container: Container): Container =>
    hasVariable(container, variable) ? container : { ...container, env: [...(container.env ?? []), variable] }
  const { containers, initContainers } = pod.spec
  const agent: Container = { name: 'agent', image: 'agent:1' }
  return {
    ...pod,
    spec: {
      ...pod.spec,
      containers: [...containers.map(add), ...(containers.some(({ name }) => name === agent.name) ? [] : [agent])],
      ...(initContainers && { initContainers: initContainers.map(add) }),
    },
  }
}

function hasVariable(container: Container | undefined, { name }: EnvVar): boolean {
  return container?.env?.some((variable) => variable.name === name) === true
}

function judgementsOf(pod: Pod): readonly string[] {
  return (auditPod(pod, 'default', defaultConfig)?.judgements ?? []).map(({ judgement }) => judgement)
}

function namesWhere(results: Results, holds: (pod: Pod) => boolean): readonly string[] {
  return namesOf([...results].filter(([, { pod }]) => holds(pod)).map(([combination]) => combination))
}

function namesOf(some: readonly Combination[]): readonly string[] {
  return some.map(({ turns }) => describeTurns(turns))
}
