/** A cluster of the tests changes nothing on the machine that it runs on. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { cgroupHierarchies, clusterObstacle } from '../kit/cluster/cluster-namespaces.ts'

const run = promisify(execFile)
const support = join(import.meta.dirname, '..', 'kit', 'cluster')
const node = process.execPath

/** Starts what goes on for ever, changes what it can reach, and tells what it sees. */
const inside = `
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cgroupHierarchies, clusterCgroup } from ${JSON.stringify(join(support, 'cluster-namespaces.ts'))}
for (const hierarchy of cgroupHierarchies()) mkdirSync(hierarchy + '/' + clusterCgroup() + '/pods', { recursive: true })
writeFileSync('/var/model-injector-test', '')
writeFileSync('/run/model-injector-test', '')
writeFileSync('/proc/sys/kernel/panic', '99')
spawn('sleep', ['31415926'], { detached: true, stdio: 'ignore' }).unref()
process.stdout.write(readFileSync('/proc/net/fib_trie', 'utf8').includes('169.254.170.23') ? 'the agent is at its address' : 'no agent')
`

t.test('leftovers of a cluster', async (t) => {
  const obstacle = clusterObstacle()
  if (obstacle !== undefined) {
    t.comment(`not run: ${obstacle}`)
    t.notOk(process.env.CI, obstacle)
    return
  }
  const before = await machine()
  const script = join(t.testdir({ 'inside.ts': inside }), 'inside.ts')
  const program = `import { runInNamespaces } from ${JSON.stringify(join(support, 'cluster-namespaces.ts'))}; process.exitCode = await runInNamespaces(${JSON.stringify(node)}, [${JSON.stringify(script)}])`
  const { stdout } = await run(node, ['--input-type=module', '--eval', program], {
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  t.equal(stdout, 'the agent is at its address')
  t.strictSame(await machine(), before, 'no process, file, address, setting or control group')
})

t.test('without root the reason is printed, and only CI takes that for a failure', async (t) => {
  const directory = t.testdir({
    'example.test.ts': `
import t from ${JSON.stringify(join(import.meta.dirname, '..', '..', 'node_modules', 'tap', 'dist', 'esm', 'index.js'))}
import { clusterTest } from ${JSON.stringify(join(support, 'cluster-namespaces.ts'))}
process.getuid = () => 1000
await clusterTest(t, import.meta.filename, { prepare: () => Promise.reject(new Error('not expected')), tests: () => Promise.reject(new Error('not expected')) })
`,
  })
  const file = join(directory, 'example.test.ts')
  const outcome = async (ci: string): Promise<{ code: number; stdout: string }> => {
    const env = { ...process.env, NODE_OPTIONS: '', CI: ci }
    return await run(node, [file], { env }).then(
      ({ stdout }) => ({ code: 0, stdout }),
      (error: unknown) => error as { code: number; stdout: string },
    )
  }
  t.match(await outcome(''), { code: 0, stdout: /# not run: a node takes root/ })
  t.match(await outcome('true'), { code: 1, stdout: /not ok 1 - without a cluster, because a node takes root/ })
})

/** Traces of a cluster that a user of the machine could see. */
async function machine(): Promise<object> {
  const [addresses, processes, settings] = await Promise.all([
    readFile('/proc/net/fib_trie', 'utf8'),
    run('ps', ['-eo', 'args']),
    readFile('/proc/sys/kernel/panic', 'utf8'),
  ])
  const files = await Promise.all(
    ['/var', '/run'].map(async (directory) =>
      (await readdir(directory)).filter((name) => name.startsWith('model-injector')),
    ),
  )
  const groups = await Promise.all(
    cgroupHierarchies().map(async (hierarchy) => (await readdir(hierarchy)).filter(isForgotten)),
  )
  return {
    addresses: addresses.includes('169.254.170.23'),
    processes: processes.stdout.includes('sleep 31415926'),
    settings,
    files,
    groups: groups.flat(),
  }
}

/** Its name says whose it is; clusters of other tests may run at the same time. */
function isForgotten(group: string): boolean {
  const pid = /^model-injector-test-(\d+)$/.exec(group)?.[1]
  return pid !== undefined && !existsSync(`/proc/${pid}`)
}
