/** A cluster of any size is audited in the same memory, because pods are judged while they come in. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import t from 'tap'
import { writeKubeconfig } from '../unit/cluster/fake-api-server.ts'
import { startSyntheticCluster, syntheticPod } from './synthetic-cluster.ts'

/** The program itself, run from its sources, takes 60 of it; ten thousand pods are 80 MiB as JSON alone, so they cannot be held. */
const heapMiB = 80
const podCount = 10_000

// A machine with much else to do takes minutes.
const timeout = 20 * 60 * 1000
t.setTimeout(timeout)

t.test(`${podCount} pods are audited in a heap of ${heapMiB} MiB`, { timeout }, async (t) => {
  const server = await startSyntheticCluster(podCount)
  t.teardown(() => server.close())
  const directory = t.testdir({ 'empty.yaml': '' })
  const kubeconfig = await writeKubeconfig(join(directory, 'kubeconfig'), server.url)
  const { code, stdout, stderr } = await runAlone([
    process.execPath,
    `--max-old-space-size=${heapMiB}`,
    join(import.meta.dirname, '../../src/main.ts'),
    'audit',
    '--kubeconfig',
    kubeconfig,
    '--config',
    join(directory, 'empty.yaml'),
    '-o',
    'csv',
    '--fail-on',
    'tampered',
  ])
  t.equal(code, 1, stderr.slice(0, 1000))
  t.equal(stderr, 'model-injector: failed on 2000 tampered\n')
  t.equal(stdout.trim().split('\n').length, 9001, 'a row for each pod with a model, and the header')
  t.equal(server.requests.filter(({ path }) => path === '/api/v1/pods').length, podCount / 500)
  t.equal(server.requests.filter(({ path }) => path !== '/api/v1/pods').length, 1, 'nothing is asked for each pod')
})

t.test('a dump of ten times as many pods takes no more memory, and is judged in its order', { timeout }, async (t) => {
  const directory = t.testdir()
  const resident = async (count: number): Promise<number> => {
    const file = join(directory, `${count}.json`)
    await writeDump(file, count)
    const { code, stdout, stderr } = await runAlone([
      process.execPath,
      `--max-old-space-size=${heapMiB}`,
      '--import',
      `data:text/javascript,${encodeURIComponent(reportResident)}`,
      join(import.meta.dirname, '../../src/main.ts'),
      'audit',
      '-f',
      file,
      '-o',
      'csv',
    ])
    t.equal(code, 0, stderr.slice(0, 1000))
    t.equal(stdout.trim().split('\n').length, count * 0.9 + 1)
    return Number(/resident (\d+)/.exec(stderr)?.[1]) / 1024
  }
  const [few, many] = [await resident(podCount / 10), await resident(podCount)]
  t.comment(`resident: ${Math.round(few)} MiB for ${podCount / 10} pods, ${Math.round(many)} MiB for ${podCount}`)
  // Every byte of the larger file that is kept would be one more; it has 85 MiB.
  t.ok(many < few + 60, `${many} MiB, ${few} MiB`)
})

const reportResident = "process.on('exit', () => process.stderr.write(`resident ${process.resourceUsage().maxRSS}`))"

/** As `kubectl get pods -A -o json` writes it. */
async function writeDump(file: string, count: number): Promise<void> {
  const lines = function* (): Generator<string> {
    yield '{\n    "apiVersion": "v1",\n    "items": [\n'
    for (let i = 0; i < count; i++) {
      yield `${i === 0 ? '' : ',\n'}${JSON.stringify({ apiVersion: 'v1', kind: 'Pod', ...syntheticPod(i) }, null, 4)}`
    }
    yield '\n    ],\n    "kind": "List",\n    "metadata": {"resourceVersion": ""}\n}\n'
  }
  await pipeline(Readable.from(lines()), createWriteStream(file))
}

/** With an empty environment: the test runner gives its own code to every Node that it sees, and that takes more than the audit. */
async function runAlone(
  command: readonly string[],
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const child = spawn('env', ['-i', ...command], { stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ])
  return { code, stdout, stderr }
}
