/** The audit by workload. */
import { join } from 'node:path'
import t from 'tap'
import { WorkloadCount } from '../../../src/audit/workloads.ts'
import { judged, makePod } from '../../audit/page/sample-pods.ts'
import { runCLI } from '../../integration/cli/run-cli.ts'
import { startFakeAPIServer, writeKubeconfig, type FakeAnswer } from '../cluster/fake-api-server.ts'

const waived = { ...judged('tampered'), waived: { reason: 'r', until: '2026-12-31' } }
const owner = (kind: string, name: string) => ({ namespace: 'apps', owner: { kind, name } })

t.test('each workload has its pods, their judgements and the worst of these, the worst workload first', (t) => {
  const count = new WorkloadCount()
  const alone = makePod(6, {
    namespace: 'apps',
    name: 'alone',
    judgements: [judged('unpinned'), judged('conforming')],
  })
  delete (alone as { owner?: unknown }).owner
  for (const pod of [
    makePod(1, { ...owner('Deployment', 'fine'), judgements: [judged('conforming'), waived] }),
    makePod(2, { ...owner('Deployment', 'bad'), judgements: [judged('outdated')] }),
    makePod(3, { ...owner('Deployment', 'bad'), judgements: [judged('missing'), judged('unpinned')] }),
    makePod(4, { ...owner('Deployment', 'bad'), judgements: [judged('outdated'), judged('unpinned')] }),
    makePod(5, { ...owner('Job', 'bad'), judgements: [judged('conforming')] }),
    alone,
  ]) {
    count.add(pod)
  }
  const row = { namespace: 'apps', waived: 0 }
  t.strictSame(count.workloads, [
    {
      ...row,
      kind: 'Deployment',
      name: 'bad',
      pods: 3,
      worst: 'missing',
      judgements: { missing: 1, outdated: 2, unpinned: 2 },
    },
    { ...row, kind: 'Pod', name: 'alone', pods: 1, worst: 'unpinned', judgements: { unpinned: 1, conforming: 1 } },
    {
      ...row,
      kind: 'Deployment',
      name: 'fine',
      pods: 1,
      worst: 'conforming',
      judgements: { conforming: 1 },
      waived: 1,
    },
    { ...row, kind: 'Job', name: 'bad', pods: 1, worst: 'conforming', judgements: { conforming: 1 } },
  ])
  t.end()
})

t.test('the command shows workloads as a table and as JSON, and says where it cannot', async (t) => {
  const deployment = (name: string, annotations: object) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      template: {
        metadata: { annotations },
        spec: { containers: [{ name: 'app', image: 'app:1' }] },
      },
    },
  })
  const directory = t.testdir({
    'a.json': JSON.stringify(deployment('open', { 'models.example.io/source': 's3://models/llama/' })),
    'b.json': JSON.stringify(deployment('broken', { 'models.example.io/source': 'nonsense' })),
    'c.json': JSON.stringify(
      deployment('pinned', {
        'models.example.io/source': 's3://models/llama/',
        'models.example.io/expect': `manifest=SHA256SUMS@sha256:${'a'.repeat(64)}`,
      }),
    ),
  })
  const run = (...args: readonly string[]) =>
    runCLI(['audit', '-f', '.', '--by', 'workload', ...args], { cwd: directory })
  t.equal(
    (await run()).stdout,
    `NAMESPACE  WORKLOAD           PODS  WORST       JUDGEMENTS
default    Deployment/broken  1     invalid     1 invalid
default    Deployment/open    1     unpinned    1 unpinned, 1 conforming
default    Deployment/pinned  1     conforming  1 conforming

3 pods with models, 2 conforming, 1 invalid, 1 unpinned (files ., all namespaces; the built-in configuration)
`,
  )
  t.notMatch((await run('--quiet')).stdout, 'Deployment/pinned')
  const found = JSON.parse((await run('-o', 'json')).stdout) as { workloads: unknown; summary: unknown }
  t.match(found, { workloads: [{ name: 'broken', worst: 'invalid' }, {}, {}], summary: { pods: 3 } })
  t.notOk('pods' in found)
  for (const other of [['-o', 'csv'], ['--html', 'x'], ['--serve']]) {
    t.match(await run(...other), {
      code: 64,
      stderr: '--by workload is for -o table and -o json: all others show pods',
    })
  }
})

const annotations = { 'models.example.io/source': 's3://models/llama/' }
const spec = { containers: [{ name: 'app', image: 'app:1' }] }

function podOf(kind: string, owner: string, name: string): object {
  const ownerReferences = [{ apiVersion: 'batch/v1', kind, name: owner, controller: true }]
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'apps', annotations, ownerReferences }, spec }
}

function jobOf(cronJob: string, name: string, isController = true): object {
  const owner = { apiVersion: 'batch/v1', kind: 'CronJob', name: cronJob }
  const ownerReferences = [{ ...owner, ...(isController && { controller: true }) }]
  return { apiVersion: 'batch/v1', kind: 'Job', metadata: { name, namespace: 'apps', ownerReferences } }
}

const jobs = [jobOf('nightly', 'nightly-1'), jobOf('nightly', 'started-by-hand', false)]
const jobPods = [
  podOf('Job', 'nightly-1', 'a'),
  podOf('Job', 'started-by-hand', 'b'),
  podOf('Job', 'alone', 'c'),
  podOf('StatefulSet', 'nightly-1', 'd'),
]
const followed = [
  ['CronJob', 'nightly', 2],
  ['Job', 'alone', 1],
  ['StatefulSet', 'nightly-1', 1],
]

function rowsIn(stdout: string): unknown {
  const { workloads } = JSON.parse(stdout) as { workloads: { kind: string; name: string; pods: number }[] }
  return workloads.map(({ kind, name, pods }) => [kind, name, pods]).toSorted()
}

t.test('pods of the Jobs of a CronJob in files are its pods, wherever the Jobs stand', async (t) => {
  const directory = t.testdir({
    'a.json': JSON.stringify({ apiVersion: 'v1', kind: 'List', items: jobPods }),
    'b.json': JSON.stringify({ apiVersion: 'v1', kind: 'List', items: jobs }),
    'waivers.yaml': JSON.stringify({
      waivers: [
        {
          pods: { namespaces: ['apps'], workloads: ['CronJob/nightly'] },
          judgement: 'unpinned',
          reason: 'r',
          until: '2999-12-31',
        },
      ],
    }),
  })
  const run = (...args: readonly string[]) =>
    runCLI(['audit', '--by', 'workload', '-o', 'json', ...args], { cwd: directory })
  t.strictSame(rowsIn((await run('-f', '.')).stdout), followed)
  t.strictSame(rowsIn((await run('-f', 'a.json')).stdout), [
    ['Job', 'alone', 1],
    ['Job', 'nightly-1', 1],
    ['Job', 'started-by-hand', 1],
    ['StatefulSet', 'nightly-1', 1],
  ])
  t.match(JSON.parse((await run('-f', '.', '--waivers', 'waivers.yaml')).stdout), { summary: { waived: 2 } })
})

t.test('in a cluster Jobs are listed once, and only where a pod with a model is one of a Job', async (t) => {
  const listing = (kind: string, items: readonly object[]): FakeAnswer => ({
    body: { kind: `${kind}List`, apiVersion: 'v1', metadata: {}, items },
  })
  const audit = async (pods: readonly object[], answerJobs: FakeAnswer) => {
    const server = await startFakeAPIServer(({ path }) => {
      if (path.endsWith('/pods')) return listing('Pod', pods)
      if (path.endsWith('/jobs')) return answerJobs
      return { status: 404, body: { kind: 'Status', code: 404, message: 'not found' } }
    })
    t.teardown(() => server.close())
    const directory = t.testdir({ 'empty.yaml': '' })
    const kubeconfig = await writeKubeconfig(join(directory, 'kubeconfig'), server.url)
    const args = ['audit', '--kubeconfig', kubeconfig, '--config', join(directory, 'empty.yaml')]
    const { stdout } = await runCLI([...args, '--by', 'workload', '-o', 'json'])
    return { rows: rowsIn(stdout), listed: server.requests.filter(({ path }) => path.endsWith('/jobs')).length }
  }
  t.strictSame(await audit(jobPods, listing('Job', jobs)), { rows: followed, listed: 1 })
  const forbidden = { status: 403, body: { kind: 'Status', code: 403, message: 'forbidden' } }
  t.match(await audit(jobPods, forbidden), { rows: [['Job', 'alone', 1], ['Job', 'nightly-1', 1], {}, {}], listed: 1 })
  t.match(await audit(jobPods.slice(3), forbidden), { listed: 0 })
})
