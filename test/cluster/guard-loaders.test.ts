/** Changes of others in loaders: the guard on a real API server, beside the code's own comparison of the same pods. */
import fc from 'fast-check'
import t from 'tap'
import { parseConfig } from '../../src/config/parse-config.ts'
import type { Config } from '../../src/config/config.ts'
import { weaknesses } from '../../src/inject/ownership/loader-fields.ts'
import type { ApiResponse } from '../../src/cluster/transport.ts'
import { apiClient } from '../kit/cluster/api-client.ts'
import {
  podsWithChangedLoaders,
  loaderRules,
  type ChangedPod,
  type LoaderRule,
} from '../kit/cluster/changed-loaders.ts'
import { startControlPlane } from '../kit/cluster/control-plane.ts'
import { guardWarnings, installGuard } from '../kit/cluster/policies.ts'
import { caseCount } from '../kit/tools/long-runs.ts'

// The first run on a machine builds the control plane from source.
const timeout = 45 * 60 * 1000
t.setTimeout(timeout)

const seed = Number(process.env.FAST_CHECK_SEED ?? 20260101)
const podCount = caseCount({ short: 600, long: 10_000 })
/** Pods that each rule has to have refused, and let pass. */
const perRule = caseCount({ short: 2, long: 200 })
const inFlight = 8

const allowing = { policy: { rules: [{ name: 'all', namespaces: ['*'], images: ['*'], sources: ['*', 'node://*'] }] } }
const configurations = {
  'as installed': {},
  'with variables of its own, a proxy, and variables that others may set': {
    defaults: { credentials: 'irsa', 'read-only': 'false' },
    loader: {
      env: { https_proxy: 'http://proxy.example.com:3128', RES_OPTIONS: 'ndots:1' },
      proxy: { url: 'http://proxy.example.com:3128', noProxy: ['.example.com'] },
    },
    ownership: { allowedEnv: ['SCANNER_*', 'LD_LIBRARY_PAT?', 'node_opt*'] },
  },
}

t.test('changed loaders on a real API server with the guard', { timeout }, async (t) => {
  const controlPlane = await startControlPlane()
  t.teardown(() => controlPlane.stop())
  const api = await apiClient(controlPlane.kubeConfig)
  t.teardown(() => {
    api.close()
  })
  for (const name of ['own', 'model-reader']) {
    await api.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace: 'default' } })
  }
  const counts = new Map<string, number>()
  const count = (key: string): void => {
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }

  for (const [name, settings] of Object.entries(configurations)) {
    await t.test(`${name}: the guard refuses what the code puts back, and nothing else`, async (t) => {
      await installGuard(api, { config: settings, guard: { validationActions: ['Warn'] } })
      const pods = podsFor(configOf(settings), podCount / Object.keys(configurations).length)
      const disagreements: string[] = []
      await compareAll(pods, async (changed) => {
        const response = await api.tryCreate(changed.pod, { dryRun: true })
        // The API server knows rules of its own about fields, which come first.
        if (response.status === 422) {
          count('invalid')
          return
        }
        if (response.status !== 201) throw new Error(`${response.status} ${JSON.stringify(response.body)}`)
        disagreements.push(...compareFindings(changed, response, count))
      })
      t.strictSame(disagreements.slice(0, 3), [], `${disagreements.length} disagreements, seed ${seed}`)
    })
  }

  t.comment(JSON.stringify(Object.fromEntries([...counts].sort())))
  for (const rule of loaderRules) {
    t.ok((counts.get(`${rule} refused`) ?? 0) >= perRule, `${rule} refused pods`)
    t.ok((counts.get(`${rule} admitted`) ?? 0) >= perRule, `${rule} let pods pass`)
  }
  for (const weakness of Object.keys(weaknesses)) {
    t.ok((counts.get(`weakened: ${weakness}`) ?? 0) >= perRule, `${weakness} made pods refused`)
  }
  t.ok((counts.get('admitted') ?? 0) >= perRule, 'pods were admitted by all rules')
})

function configOf(settings: object): Config {
  const read = parseConfig(JSON.stringify({ ...allowing, ...settings }))
  if (!read.ok) throw new Error(read.problems.join('\n'))
  return read.config
}

/** The seeds follow one another, so that a small number of pods is a part of a great one. */
function* podsFor(config: Config, wanted: number): Generator<ChangedPod> {
  let made = 0
  for (let batch = 0; made < wanted; batch++) {
    for (const changed of fc.sample(podsWithChangedLoaders(config), { seed: seed + batch, numRuns: 500 })) {
      if (changed === undefined || made++ >= wanted) continue
      yield changed
    }
  }
}

/** Takes the next pod as soon as one was answered. */
async function compareAll(pods: Generator<ChangedPod>, compare: (pod: ChangedPod) => Promise<void>): Promise<void> {
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      for (const pod of pods) await compare(pod)
    }),
  )
}

function compareFindings({ pod, findings }: ChangedPod, response: ApiResponse, count: (key: string) => void): string[] {
  const texts = guardWarnings(response)
  if (texts.length === 0) count('admitted')
  // The guard names the least of these and their number, which are compared below.
  const weak = findings.weakened.map((path) =>
    path.slice(path.indexOf('.securityContext.') + '.securityContext.'.length),
  )
  for (const weakness of new Set(weak)) count(`weakened: ${weakness}`)
  const isMisspelt = findings.misspelt.length > 0
  return loaderRules.flatMap((rule) => {
    // Two rules are about mounts, and one is enough to refuse.
    if (rule === 'covered' && isMisspelt) return []
    const said = texts.find((text) => marks[rule].test(text))
    count(`${rule} ${said === undefined ? 'admitted' : 'refused'}`)
    const expected = summaryOf(findings[rule])
    const found = said === undefined ? undefined : summaryIn(said)
    return expected === found
      ? []
      : [`${rule}: expected ${expected ?? 'nothing'}, the guard says ${said ?? 'nothing'}: ${JSON.stringify(pod)}`]
  })
}

/** The texts by which the rules are told apart. */
const marks: Readonly<Record<LoaderRule, RegExp>> = {
  command: /\.command( \(and \d+ more\))? is not as/,
  args: /\.args( \(and \d+ more\))? is not as/,
  envFrom: /\.envFrom( \(and \d+ more\))? is not as/,
  lifecycle: /\.lifecycle( \(and \d+ more\))? is not as/,
  restartPolicy: /\.restartPolicy( \(and \d+ more\))? is not as/,
  weakened: / makes the loader less restricted/,
  steered: / steers the loader/,
  misdirected: / is not the source /,
  contradicting: / is there twice/,
  misspelt: / has an empty, \. or \.\. segment/,
  covered: / hides the program/,
  late: / is behind a container /,
  account: /^spec\.serviceAccountName is /,
}

function summaryOf(fields: readonly string[]): string | undefined {
  const [first, ...others] = fields
  return first === undefined || others.length === 0 ? first : `${first} (and ${others.length} more)`
}

function summaryIn(text: string): string | undefined {
  return /^spec\.serviceAccountName|^spec\.initContainers\[[^\]]*\](?:\.[\w.]+(?:\[[^\]]*\])?)?(?: \(and \d+ more\))?/.exec(
    text,
  )?.[0]
}
