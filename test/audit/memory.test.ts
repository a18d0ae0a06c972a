/** A cluster of any size is audited in the same memory, because pods are judged while they come in. */
import { join } from 'node:path'
import t from 'tap'
import { runCLI } from '../integration/cli/run-cli.ts'
import { writeKubeconfig } from '../unit/cluster/fake-api-server.ts'
import { startSyntheticCluster } from './synthetic-cluster.ts'

/** A thousand pods need half of it, for the program itself; ten thousand are 80 MiB as JSON alone. */
const heapMiB = 64
const podCount = 10_000

t.test(`${podCount} pods are audited in a heap of ${heapMiB} MiB`, { timeout: 300_000 }, async (t) => {
  const server = await startSyntheticCluster(podCount)
  t.teardown(() => server.close())
  const directory = t.testdir({ 'empty.yaml': '' })
  const kubeconfig = await writeKubeconfig(join(directory, 'kubeconfig'), server.url)
  const env = { NODE_OPTIONS: `--max-old-space-size=${heapMiB}` }
  const { code, stdout, stderr } = await runCLI(['audit', '--kubeconfig', kubeconfig, '--config', join(directory, 'empty.yaml'), '-o', 'csv', '--fail-on', 'tampered'], { env })
  t.equal(code, 3, stderr.slice(0, 1000))
  t.equal(stderr, 'model-injector: failed on 2000 tampered\n')
  t.equal(stdout.trim().split('\n').length, 9001, 'a row for each pod with a model, and the header')
  t.equal(server.requests.filter(({ path }) => path === '/api/v1/pods').length, podCount / 500)
  t.equal(server.requests.filter(({ path }) => path !== '/api/v1/pods').length, 1, 'nothing is asked for each pod')
})
