/** The audit by workload. */
import t from 'tap'
import { WorkloadCount } from '../../../src/audit/workloads.ts'
import { judged, makePod } from '../../audit/page/sample-pods.ts'
import { runCLI } from '../../integration/cli/run-cli.ts'

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
