/**
 * A machine of its own for a cluster, as far as the cluster can see: network, mounts and processes. When its first process
 * ends, however that comes, the kernel ends all others and removes every mount, address, route and rule. Nothing in it can
 * reach the outside, so that real addresses can be used and load disturbs no other process.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, globSync, rmdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { Test } from 'tap'
import { AGENT_ADDRESS, IMDS_ADDRESS } from '../tools/network-namespace.ts'
import { ADVERTISED_ADDRESS } from './control-plane.ts'

/** Set inside, where it names the control group of everything that the cluster's containers run. */
const CGROUP_VARIABLE = 'MODEL_INJECTOR_TEST_CGROUP'
const CGROUP_PREFIX = 'model-injector-test-'
const CGROUP_ROOT = '/sys/fs/cgroup'

// The first run on a machine builds the cluster from source.
const TIMEOUT_MILLISECONDS = 45 * 60 * 1000

const setUp = join(import.meta.dirname, 'cluster-namespaces.sh')
const addresses = [AGENT_ADDRESS, IMDS_ADDRESS, ADVERTISED_ADDRESS].join(' ')

/** Why no cluster can be run here; undefined where it can. */
export function clusterObstacle(): string | undefined {
  if (process.platform !== 'linux') return 'a node takes Linux'
  return process.getuid?.() === 0 ? undefined : 'a node takes root: run this as root, as CI does'
}

export function isInsideCluster(): boolean {
  return process.env[CGROUP_VARIABLE] !== undefined
}

/** The control group of containers: a path below the root of every hierarchy. */
export function clusterCgroup(): string {
  const name = process.env[CGROUP_VARIABLE]
  if (name === undefined) throw new Error('this runs only inside the namespaces of a cluster')
  return name
}

/** Every hierarchy of version 1, or the one of version 2. */
export function cgroupHierarchies(): readonly string[] {
  return existsSync(join(CGROUP_ROOT, 'cgroup.controllers')) ? [CGROUP_ROOT] : globSync(`${CGROUP_ROOT}/*/`)
}

/**
 * A test file's whole content: it runs itself again inside, and there `tests`. `prepare` has to bring what `tests` needs
 * from the network. Without root the reason is printed, and only CI takes that for a failure.
 */
export async function clusterTest(
  t: Test,
  file: string,
  steps: { readonly prepare: () => Promise<void>; readonly tests: (t: Test) => Promise<void> },
): Promise<void> {
  t.setTimeout(TIMEOUT_MILLISECONDS)
  if (isInsideCluster()) {
    await t.test('in a cluster', { timeout: TIMEOUT_MILLISECONDS }, steps.tests)
    return
  }
  const obstacle = clusterObstacle()
  if (obstacle !== undefined) {
    t.comment(`not run: ${obstacle}`)
    t.ok(process.env.CI === undefined || process.env.CI === '', `without a cluster, because ${obstacle}`)
    return
  }
  await steps.prepare()
  const inside = namespaceCommand(process.execPath, [...process.execArgv, file])
  await t.spawn(
    inside.file,
    inside.args,
    { env: inside.env, timeout: TIMEOUT_MILLISECONDS },
    relative(process.cwd(), file),
  )
  inside.cleanUp()
}

/** The same for a program; gives its exit code. */
export async function runInNamespaces(command: string, args: readonly string[]): Promise<number> {
  const inside = namespaceCommand(command, args)
  const child = spawn(inside.file, inside.args, { env: inside.env, stdio: 'inherit' })
  // The terminal sends it to everybody: the command decides, and this waits for it.
  const wait = (): void => undefined
  process.on('SIGINT', wait)
  const [code] = (await once(child, 'exit')) as [number | null]
  process.off('SIGINT', wait)
  inside.cleanUp()
  return code ?? 1
}

interface NamespaceCommand {
  readonly file: string
  readonly args: string[]
  readonly env: NodeJS.ProcessEnv
  /** Only empty control groups remain. */
  readonly cleanUp: () => void
}

function namespaceCommand(command: string, args: readonly string[]): NamespaceCommand {
  removeForgottenCgroups()
  const cgroup = `${CGROUP_PREFIX}${process.pid}`
  return {
    file: 'unshare',
    args: [
      '--net',
      '--mount',
      '--pid',
      '--fork',
      '--mount-proc',
      '--kill-child',
      '--',
      'sh',
      setUp,
      addresses,
      command,
      ...args,
    ],
    env: { ...process.env, TMPDIR: '/run/tmp', [CGROUP_VARIABLE]: cgroup },
    cleanUp: () => {
      removeCgroups(cgroup)
    },
  }
}

/** Removes clusters whose test was killed. */
function removeForgottenCgroups(): void {
  const names = new Set(cgroupHierarchies().flatMap((hierarchy) => globSync(`${CGROUP_PREFIX}*`, { cwd: hierarchy })))
  for (const name of names) {
    if (!existsSync(`/proc/${name.slice(CGROUP_PREFIX.length)}`)) removeCgroups(name)
  }
}

function removeCgroups(name: string): void {
  for (const hierarchy of cgroupHierarchies()) {
    const root = join(hierarchy, name)
    // The deepest first: a group can be removed when it has none below it.
    for (const path of [...globSync(`${root}/**/`), root].sort((a, b) => b.length - a.length)) {
      try {
        rmdirSync(path)
      } catch {
        // Gone already, or of a process that is only now ending: the next run removes it.
      }
    }
  }
}
