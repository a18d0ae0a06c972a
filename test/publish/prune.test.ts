/** `publish prune` against a real API server, with the role that `render claim` gives it: what pods can read stays. */
import { mkdir, readdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import {
  CoreV1Api,
  KubernetesObjectApi,
  type KubernetesObject,
  type V1Container,
  type V1Pod,
} from '@kubernetes/client-node'
import t, { type Test } from 'tap'
import { markInUse } from '../../src/publish/in-use.ts'
import { writeRecord } from '../../src/publish/record.ts'
import { prepareVolume, volumeAt } from '../../src/publish/volume.ts'
import { pruner } from '../../src/deliveries/claim/render-pruner.ts'
import { plain } from '../../src/render/tree.ts'
import { runCLI, type RunResult } from '../integration/cli/run-cli.ts'
import { startControlPlane } from '../kit/cluster/control-plane.ts'
import { publisherEndsWith, inventoryOf, shelfOf, startPublishWorld } from './publish-world.ts'

// The first run on a machine builds the binaries from source.
const timeout = 45 * 60 * 1000
t.setTimeout(timeout)

const day = 24 * 60 * 60 * 1000
const store = 'model-store'
const controlPlane = await startControlPlane()
t.teardown(() => controlPlane.stop())
const world = await startPublishWorld(t.testdir())
t.teardown(() => world.stop())
const api = controlPlane.kubeConfig.makeApiClient(CoreV1Api)
const objects = KubernetesObjectApi.makeApiClient(controlPlane.kubeConfig)

for (const name of [store, 'apps', 'ml']) await api.createNamespace({ body: { metadata: { name } } })
for (const object of pruner(
  {
    claim: 'llama',
    sizeBytes: 2 ** 30,
    source: { scheme: 's3', bucket: 'models', key: 'llama/', extent: 'prefix', uri: 's3://models/llama/' },
    namespaces: ['apps'],
  },
  {
    namespace: store,
    serviceAccount: 'publisher',
    image: 'model-injector',
    imagePullSecrets: [],
    schedule: '* * * * *',
    bucketRegion: 'eu-west-1',
  },
  '30d',
)) {
  await objects.create(plain(object) as KubernetesObject)
}
const kubeconfig = await controlPlane.kubeConfigFor('pruner', `/CN=system:serviceaccount:${store}:model-pruner`)
await createClaim(store, 'llama')
await createClaim(store, 'mistral')
await createClaim('apps', 'shared-llama', `${store}/llama`)
await createClaim('ml', 'other', `${store}/mistral`)

async function createClaim(namespace: string, name: string, from?: string): Promise<void> {
  await api.createNamespacedPersistentVolumeClaim({
    namespace,
    body: {
      metadata: { name, ...(from !== undefined && { annotations: { 'trident.netapp.io/shareFromPVC': from } }) },
      spec: { accessModes: ['ReadWriteMany'], resources: { requests: { storage: '1Gi' } } },
    },
  })
}

type Mount = Partial<V1Container> & {
  readonly subPath?: string
  readonly subPathExpr?: string
  readonly init?: boolean
}

/** Mounts the claim; goes with its test. */
async function runPod(t: Test, claim: string, mount: Mount, phase = 'Running'): Promise<string> {
  const [namespace = '', claimName = ''] = claim.split('/')
  const { metadata: { name = '' } = {} } = await api.createNamespacedPod({ namespace, body: podWith(claimName, mount) })
  t.teardown(() => api.deleteNamespacedPod({ namespace, name, gracePeriodSeconds: 0 }))
  const patch = [{ op: 'replace', path: '/status/phase', value: phase }]
  await api.patchNamespacedPodStatus({ namespace, name, body: patch })
  return `${namespace}/${name}`
}

function podWith(claimName: string, { subPath, subPathExpr, init = false, ...container }: Mount): V1Pod {
  const path = { ...(subPath !== undefined && { subPath }), ...(subPathExpr !== undefined && { subPathExpr }) }
  const reader = {
    name: 'reader',
    image: 'app',
    ...container,
    volumeMounts: [{ name: 'model', mountPath: '/model', readOnly: true, ...path }],
  }
  const app = { name: 'app', image: 'app' }
  return {
    metadata: { generateName: 'pod-' },
    spec: {
      volumes: [{ name: 'model', persistentVolumeClaim: { claimName } }],
      containers: init ? [app] : [reader],
      ...(init && { initContainers: [reader] }),
    },
  }
}

/** Versions by their age: the days since they were published or last in use. */
async function volumeWith(t: Test, versions: Readonly<Record<string, number>>, current: string): Promise<string> {
  const root = join(t.testdir(), 'volume')
  await mkdir(root)
  const volume = volumeAt(root)
  await prepareVolume(volume)
  for (const [version, days] of Object.entries(versions)) {
    await mkdir(join(volume.versions, version))
    await writeFile(join(volume.versions, version, 'model.bin'), version)
    const manifest = { sha256: '', etag: '', lastModified: new Date(Date.now() - days * day).toISOString() }
    await writeRecord(volume, {
      schema: 1,
      version,
      source: `s3://models/llama/${version}/`,
      manifest,
      files: 1,
      bytes: version.length,
    })
    await markInUse(volume, version)
    const past = new Date(Date.now() - days * day)
    for (const path of [join(volume.records, `${version}.json`), join(volume.inUse, version)]) {
      await utimes(path, past, past)
    }
  }
  await symlink(`versions/${current}`, volume.current)
  return root
}

function prune(
  root: string,
  { claim = `${store}/llama`, config = kubeconfig, args = [] as readonly string[], env = {} } = {},
): Promise<RunResult> {
  return runCLI(
    ['publish', 'prune', '--volume', root, '--claim', claim, '--older-than', '30d', '--kubeconfig', config, ...args],
    { env: { COLUMNS: '200', ...env } },
  )
}

async function whatOf(root: string, options?: Parameters<typeof prune>[1]): Promise<Readonly<Record<string, string>>> {
  const { code, stdout, stderr } = await prune(root, { ...options, args: ['-o', 'json', ...(options?.args ?? [])] })
  if (code !== 0) throw new Error(stderr)
  const { versions } = JSON.parse(stdout) as { versions: readonly { version: string; action: string; why: string }[] }
  return Object.fromEntries(versions.map(({ version, action, why }) => [version, `${action}: ${why}`]))
}

async function versionsOn(root: string): Promise<readonly string[]> {
  return (await readdir(join(root, 'versions'))).sort()
}

t.test(
  'versions that were not used for long go; those that pods mount, by the claim or by one that shares it, stays',
  async (t) => {
    const root = await volumeWith(
      t,
      { '1.0.0': 90, '1.1.0': 80, '1.2.0': 70, '1.3.0': 60, '1.4.0': 50, '1.5.0': 10, '2.0.0': 1 },
      '2.0.0',
    )
    const direct = await runPod(t, `${store}/llama`, { subPath: 'versions/1.0.0' })
    const shared = await runPod(t, 'apps/shared-llama', { subPath: 'versions/1.1.0/weights' }, 'Pending')
    await runPod(t, 'apps/shared-llama', { subPath: 'versions/1.2.0' }, 'Succeeded')
    await runPod(t, 'ml/other', { subPath: 'versions/1.3.0' })
    const expression = await runPod(t, `${store}/llama`, {
      subPathExpr: 'versions/1.4.0/$(POD_NAME)',
      env: [{ name: 'POD_NAME', value: 'a' }],
    })
    t.strictSame(await whatOf(root), {
      '2.0.0': 'keep: current',
      '1.5.0': 'keep: not in use for 10 d',
      '1.4.0': `keep: mounted by ${expression}`,
      '1.3.0': 'trash: not in use for 60 d',
      '1.2.0': 'trash: not in use for 70 d',
      '1.1.0': `keep: mounted by ${shared}`,
      '1.0.0': `keep: mounted by ${direct}`,
    })
    t.strictSame(await versionsOn(root), ['1.0.0', '1.1.0', '1.4.0', '1.5.0', '2.0.0'])
    t.strictSame((await readdir(join(root, '.trash'))).map((name) => name.replace(/^\d+-/, '')).sort(), [
      '1.2.0',
      '1.3.0',
    ])
  },
)

t.test('a version is young again from when it was last mounted', async (t) => {
  const root = await volumeWith(t, { '1.0.0': 90, '2.0.0': 1 }, '2.0.0')
  await t.test('while a pod mounts it', async (t) => {
    await runPod(t, 'apps/shared-llama', { subPath: 'versions/1.0.0' })
    t.match(await whatOf(root), { '1.0.0': /^keep: mounted by/ })
  })
  t.match(await whatOf(root), { '1.0.0': /^keep: not in use for \d+ (s|min)$/ })
})

t.test('if pods or claims may not be listed, nothing is touched', async (t) => {
  const root = await volumeWith(t, { '1.0.0': 90, '2.0.0': 1 }, '2.0.0')
  const before = await inventoryOf(root)
  for (const [name, lists, lacks] of [
    ['stranger', [], 'persistentvolumeclaims'],
    ['half', ['persistentvolumeclaims'], 'pods'],
  ] as const) {
    if (lists.length > 0) {
      const named = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name } }
      await objects.create({
        ...named,
        kind: 'ClusterRole',
        rules: [{ apiGroups: [''], resources: lists, verbs: ['list'] }],
      } as KubernetesObject)
      await objects.create({
        ...named,
        kind: 'ClusterRoleBinding',
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name }],
      } as KubernetesObject)
    }
    const { code, stdout } = await prune(root, { config: await controlPlane.kubeConfigFor(name, `/CN=${name}`) })
    t.equal(code, 10)
    t.match(
      stdout,
      new RegExp(
        `^access denied: cannot list ${lacks}: HTTP 403: .*; missing permission: list ${lacks} in the whole cluster; let it list pods and persistentvolumeclaims .*\\(exit 10\\)\n$`,
      ),
    )
    t.strictSame(await inventoryOf(root), before)
  }
})

t.test('if the API server gives no answer, nothing is touched', async (t) => {
  const root = await volumeWith(t, { '1.0.0': 90, '2.0.0': 1 }, '2.0.0')
  const config = join(t.testdirName, 'kubeconfig')
  await writeFile(
    config,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'a',
      clusters: [{ name: 'a', cluster: { server: 'https://127.0.0.1:1' } }],
      users: [{ name: 'a', user: {} }],
      contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
    }),
  )
  const before = await inventoryOf(root)
  const { code, stdout } = await prune(root, { config })
  t.equal(code, 11)
  t.match(stdout, /gives no answer/)
  t.strictSame(await inventoryOf(root), before)
})

t.test('a claim that is not there, as a mistyped one, has no users, so nothing is touched', async (t) => {
  const root = await volumeWith(t, { '1.0.0': 90, '2.0.0': 1 }, '2.0.0')
  const before = await inventoryOf(root)
  const { code, stdout } = await prune(root, { claim: `${store}/lama` })
  t.equal(code, 12)
  t.match(stdout, /there is no claim model-store\/lama; correct --claim/)
  t.strictSame(await inventoryOf(root), before)
})

t.test('in a pod that mounts another claim than that of --claim nothing is touched', async (t) => {
  const root = await volumeWith(t, { '1.0.0': 90, '2.0.0': 1 }, '2.0.0')
  const name = hostname()
  const { spec } = podWith('mistral', { args: ['publish', 'prune', '--volume', root] })
  await api.createNamespacedPod({ namespace: store, body: { metadata: { name }, spec: spec! } })
  t.teardown(() => api.deleteNamespacedPod({ namespace: store, name, gracePeriodSeconds: 0 }))
  const before = await inventoryOf(root)
  const { code, stdout } = await prune(root, { env: { KUBERNETES_SERVICE_HOST: '127.0.0.1' } })
  t.equal(code, 18)
  t.match(stdout, /this pod does not mount the claim model-store\/llama; correct --claim/)
  t.strictSame(await inventoryOf(root), before)
})

t.test('a volume whose current leads to no version is not touched', async (t) => {
  const root = await volumeWith(t, { '1.0.0': 90, '2.0.0': 80 }, '3.0.0')
  const { code, stdout } = await prune(root)
  t.equal(code, 12)
  t.match(stdout, /current leads to no version/)
  t.strictSame(await versionsOn(root), ['1.0.0', '2.0.0'])
})

t.test('current, newer versions and those of others stay, however old', async (t) => {
  const root = await volumeWith(t, { '1.0.0': 900, '1.1.0': 800, '2.0.0': 700 }, '1.1.0')
  await mkdir(join(root, 'versions/by-hand'))
  await writeFile(join(root, 'versions/by-hand/model.bin'), '')
  t.strictSame(await whatOf(root), {
    '2.0.0': 'keep: newer than current',
    '1.1.0': 'keep: current',
    '1.0.0': 'trash: not in use for 900 d',
    'by-hand': 'keep: not made by publish',
  })
})

t.test(
  'a pod that mounts the whole volume protects every version, unless it is said that it reads current only',
  async (t) => {
    const root = await volumeWith(t, { '1.0.0': 90, '1.1.0': 0, '2.0.0': 0 }, '2.0.0')
    const pod = await runPod(t, 'apps/shared-llama', {})
    const args = ['--older-than', '1s', '--dry-run']
    t.match(await whatOf(root, { args }), {
      '1.1.0': `keep: may be read by ${pod}, which mounts the whole volume`,
      '1.0.0': `keep: may be read by ${pod}, which mounts the whole volume`,
    })
    t.match(await whatOf(root, { args: [...args, '--hot-swap'] }), {
      '1.1.0': `keep: may be what current led to when a container of ${pod} started`,
      '1.0.0': 'trash: not in use for 90 d',
    })
  },
)

t.test('a pod that mounts current protects what that led to since the pod is there', async (t) => {
  const root = await volumeWith(t, { '1.0.0': 90, '1.1.0': 0, '2.0.0': 0 }, '2.0.0')
  const pod = await runPod(t, 'apps/shared-llama', { subPath: 'current' })
  t.match(await whatOf(root, { args: ['--older-than', '1s'] }), {
    '2.0.0': 'keep: current',
    '1.1.0': `keep: may be what current led to when a container of ${pod} started`,
    '1.0.0': 'trash: not in use for 90 d',
  })
})

t.test('the loader that checks a claim protects the path it checks, and publishers protect nothing', async (t) => {
  const root = await volumeWith(t, { '1.0.0': 90, '1.1.0': 90, '2.0.0': 0 }, '2.0.0')
  const env = [{ name: 'MODEL_SOURCE', value: 'pvc://shared-llama/versions/1.0.0' }]
  const pod = await runPod(t, 'apps/shared-llama', { init: true, args: ['load', '--verify'], env }, 'Pending')
  await runPod(t, `${store}/llama`, { args: ['publish', 'prune', '--volume', '/models-volume'] })
  t.match(await whatOf(root), { '1.0.0': `keep: mounted by ${pod}`, '1.1.0': 'trash: not in use for 90 d' })
})

t.test('an init container that has ended reads no more', async (t) => {
  const root = await volumeWith(t, { '1.0.0': 90, '2.0.0': 0 }, '2.0.0')
  await runPod(t, 'apps/shared-llama', { init: true }, 'Running')
  t.match(await whatOf(root), { '1.0.0': 'trash: not in use for 90 d' })
})

t.test('a dry run says the same and writes nothing', async (t) => {
  const root = await volumeWith(t, { '1.0.0': 90, '2.0.0': 1 }, '2.0.0')
  const before = await inventoryOf(root)
  const { code, stdout } = await prune(root, { args: ['--dry-run'] })
  t.equal(code, 0)
  t.equal(
    stdout,
    'VERSION  ACTION                   REASON\n2.0.0    kept                     current\n1.0.0    would move to the trash  not in use for 90 d\n',
  )
  t.strictSame(await inventoryOf(root), before)
})

t.test('the trash is removed by a later run, after the grace', async (t) => {
  const root = await volumeWith(t, { '1.0.0': 90, '2.0.0': 1 }, '2.0.0')
  t.strictSame((await whatOf(root))['1.0.0'], 'trash: not in use for 90 d')
  t.match((await whatOf(root))['1.0.0'], /^keep-in-trash: in the trash for/)
  await ageTrash(root, 2)
  t.equal((await whatOf(root))['1.0.0'], 'remove: in the trash for 2 d')
  t.strictSame(await readdir(join(root, '.trash')), [])
  t.strictSame(
    [await readdir(join(root, '.publish/pruned')), await readdir(join(root, '.publish/versions'))],
    [['1.0.0'], ['2.0.0.json']],
  )
})

t.test(
  'a version in the trash that a pod mounts comes back, also where the kubelet has made an empty directory',
  async (t) => {
    const root = await volumeWith(t, { '1.0.0': 90, '2.0.0': 1 }, '2.0.0')
    await whatOf(root)
    await ageTrash(root, 2)
    await mkdir(join(root, 'versions/1.0.0'))
    const pod = await runPod(t, 'apps/shared-llama', { subPath: 'versions/1.0.0' }, 'Pending')
    t.equal((await whatOf(root))['1.0.0'], `restore: mounted by ${pod}`)
    t.strictSame(
      [await readdir(join(root, '.trash')), await readdir(join(root, 'versions/1.0.0'))],
      [[], ['model.bin']],
    )
  },
)

t.test('versions that an ended run left half removed are removed by the next one, and never restored', async (t) => {
  const root = await volumeWith(t, { '2.0.0': 1 }, '2.0.0')
  await mkdir(join(root, '.trash/removing-1-1.0.0'))
  await writeFile(join(root, '.trash/removing-1-1.0.0/half'), '')
  t.strictSame(await whatOf(root), { '2.0.0': 'keep: current' })
  t.strictSame(await readdir(join(root, '.trash')), [])
})

t.test('a publisher does not restore a pruned version, unless --current names it', async (t) => {
  const shelf = await shelfOf(t, world)
  for (const version of ['1.0.0', '2.0.0']) await shelf.upload(version, { 'model.bin': version })
  publisherEndsWith(t, await shelf.run(), 0)
  await forget(shelf.root, '1.0.0')
  t.match(await whatOf(shelf.root), { '1.0.0': /^trash/ })
  publisherEndsWith(t, await shelf.run(), 0)
  t.strictSame(await versionsOn(shelf.root), ['2.0.0'], 'while it is in the trash')
  publisherEndsWith(t, await shelf.run(['--current', '1.0.0']), 0)
  t.strictSame(
    [await versionsOn(shelf.root), await readdir(join(shelf.root, '.trash'))],
    [['1.0.0', '2.0.0'], []],
    'it comes out of the trash',
  )
  publisherEndsWith(t, await shelf.run(['--current', 'newest']), 0)
  await forget(shelf.root, '1.0.0')
  await whatOf(shelf.root)
  await ageTrash(shelf.root, 2)
  t.match(await whatOf(shelf.root), { '1.0.0': /^remove/ })
  publisherEndsWith(t, await shelf.run(), 0)
  t.strictSame(await versionsOn(shelf.root), ['2.0.0'], 'when it is gone')
  publisherEndsWith(t, await shelf.run(['--current', '1.0.0']), 0)
  t.strictSame(await versionsOn(shelf.root), ['1.0.0', '2.0.0'], 'it comes from the bucket')
})

async function ageTrash(root: string, days: number): Promise<void> {
  for (const name of await readdir(join(root, '.trash'))) {
    const [, version = ''] = /^\d+-(.+)$/.exec(name) ?? []
    await rename(join(root, '.trash', name), join(root, '.trash', `${Date.now() - days * day - 1000}-${version}`))
  }
}

/** As if it were published and in use long ago. */
async function forget(root: string, version: string): Promise<void> {
  await rm(join(root, '.publish/in-use', version), { force: true })
  const past = new Date(Date.now() - 90 * day)
  await utimes(join(root, '.publish/versions', `${version}.json`), past, past)
}
