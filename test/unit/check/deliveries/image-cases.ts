/** Faults of image volumes. */
import type { Case } from './case.ts'
import { added, all, changed, gone, node, pullSecret, type Change } from './good-worlds.ts'

const running = (nodeInfo: object): Change => all(gone('Node', 'node-1'), added(node('node-1', {}, [], nodeInfo)))
const api =
  (minor: number): Change =>
  (world) => ({ ...world, version: { gitVersion: `v1.${minor}.1`, major: 1, minor } })
const states =
  (version: string): Change =>
  (world) =>
    changed('ConfigMap', 'model-injector/settings', {
      data: { 'config.yaml': `cluster: { version: "${version}" }\n${withoutVersion(world)}` },
    })(world)

function withoutVersion(world: Parameters<Change>[0]): string {
  const { data } = world.objects.find(({ kind }) => kind === 'ConfigMap') as unknown as {
    data: { 'config.yaml': string }
  }
  return data['config.yaml']
    .split('\n')
    .filter((line) => !line.startsWith('cluster:'))
    .join('\n')
}

export const imageCases: readonly Case[] = [
  {
    what: 'an API server that drops the field',
    change: all(api(30), states('1.30')),
    problems: [['image-volumes', 'error']],
    says: /v1\.30\.1 drops the field/,
  },
  {
    what: 'an API server that has it with a feature gate',
    change: all(api(34), states('1.34')),
    problems: [['image-volumes', 'error']],
    says: /only with the feature gate ImageVolume/,
  },
  {
    what: 'an API server with the gate turned off',
    change: (world) => ({
      ...world,
      dryRun: (created) => ({
        created: true,
        object: { ...created, spec: { containers: [], volumes: [{ name: 'probe', emptyDir: {} }] } },
        warnings: [],
      }),
    }),
    problems: [['image-volumes', 'error']],
    says: /dropped the image volume of a pod that was tried/,
  },
  {
    what: 'a pod that is refused',
    change: (world) => ({
      ...world,
      dryRun: () => ({ created: false, status: 403, reason: 'Forbidden', message: 'exceeded quota', warnings: [] }),
    }),
    problems: [['image-volumes', 'unchecked']],
    says: /refused: exceeded quota/,
  },
  {
    what: 'a configuration that states an older version',
    change: states('1.35'),
    problems: [['cluster-version', 'warning']],
    says: /says 1\.35, and the API server is 1\.36/,
  },
  {
    what: 'a configuration that states a far too old version',
    change: states('1.34'),
    problems: [['cluster-version', 'error']],
    says: /refused for nothing/,
  },
  { what: 'a configuration that is ahead', change: states('1.37'), problems: [['cluster-version', 'error']] },
  {
    what: 'an old kubelet',
    change: added(node('old', {}, [], { kubeletVersion: 'v1.34.2' })),
    problems: [['node-runtime', 'warning']],
    says: /kubelet v1\.34\.2 has image volumes turned off: old$/,
  },
  {
    what: 'an old containerd everywhere',
    change: running({ containerRuntimeVersion: 'containerd://2.0.7' }),
    problems: [['node-runtime', 'error']],
    says: /containerd 2\.0\.7 does not mount image volumes with a directory; 2\.1 does: node-1$/,
  },
  {
    what: 'another runtime',
    change: running({ containerRuntimeVersion: 'docker://28.0' }),
    problems: [['node-runtime', 'error']],
    says: /not known to work with docker:\/\/28\.0/,
  },
  { what: 'no node', change: gone('Node', 'node-1'), problems: [['node-runtime', 'unchecked']] },
  {
    what: 'a pull secret that is not there',
    change: gone('Secret', 'apps/registry'),
    problems: [['pull-secrets', 'error']],
    command: /^kubectl create secret docker-registry registry -n apps --docker-server=registry\.example\.com /,
  },
  {
    what: 'a pull secret of another registry',
    change: all(gone('Secret', 'apps/registry'), added(pullSecret('registry', { auths: { 'other.example.com': {} } }))),
    problems: [['pull-secrets', 'warning']],
    says: /none is for registry\.example\.com/,
  },
  {
    what: 'a pull secret that cannot be read',
    change: changed('Secret', 'apps/registry', { data: { '.dockerconfigjson': Buffer.from('{').toString('base64') } }),
    problems: [['pull-secrets', 'warning']],
  },
  {
    what: 'a secret of another type',
    change: changed('Secret', 'apps/registry', { type: 'Opaque' }),
    problems: [['pull-secrets', 'error']],
    says: /is of the type Opaque/,
  },
]

export const imageFine: readonly Pick<Case, 'what' | 'change'>[] = [
  { what: 'no pull secret at all', change: changed('ServiceAccount', 'apps/my-app', { imagePullSecrets: null }) },
  {
    what: 'a secret for any registry of a domain',
    change: all(gone('Secret', 'apps/registry'), added(pullSecret('registry', { auths: { '*.example.com': {} } }))),
  },
  {
    what: 'an old secret',
    change: changed('Secret', 'apps/registry', {
      type: 'kubernetes.io/dockercfg',
      data: { '.dockerconfigjson': null, '.dockercfg': Buffer.from('{"registry.example.com":{}}').toString('base64') },
    }),
  },
  { what: 'a CRI-O that is new enough', change: running({ containerRuntimeVersion: 'cri-o://1.33.0' }) },
  {
    what: 'a Fargate node, which takes only pods that its profile selects',
    change: added(
      node('fargate', { 'eks.amazonaws.com/compute-type': 'fargate' }, [], {
        containerRuntimeVersion: 'containerd://1.7.0',
      }),
    ),
  },
]
