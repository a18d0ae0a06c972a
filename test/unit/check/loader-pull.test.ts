/** Pods that cannot pull their loader are counted by image, with the remedy that the kubelet's message calls for. */
import t from 'tap'
import type { ClusterPod } from '../../../src/cluster/objects.ts'
import { ClusterError } from '../../../src/cluster/cluster-error.ts'
import type { Cluster, ListOptions } from '../../../src/cluster/cluster.ts'
import { parseConfig } from '../../../src/config/parse-config.ts'
import { found, unknown } from '../../../src/diagnosis/lookup.ts'
import { findInjectedPods, findPendingPods } from '../../../src/check/injected-pods.ts'
import type { Survey } from '../../../src/check/survey.ts'
import { checkLoaderPull } from '../../../src/check/topics/loader-pull.ts'
import { goodSurvey, makeCertificates } from './good-survey.ts'

const good = goodSurvey(await makeCertificates(t.testdir({})))
const image = 'registry.example.com/loader:1'

function pending(name: string, message: string, change: { namespace?: string; container?: string } = {}): ClusterPod {
  const { namespace = 'apps', container = 'model-loader' } = change
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: { containers: [{ name: 'app' }], initContainers: [{ name: container, image }] },
    status: { initContainerStatuses: [{ name: container, state: { waiting: { reason: 'ErrImagePull', message } } }] },
  }
}

function surveyOf(pods: readonly ClusterPod[], configText = `defaults: { image: "${image}" }`): Survey {
  const configuration = found({ place: 'ConfigMap x', result: parseConfig(configText) })
  return { ...good, configuration, pendingPods: found({ pods }) }
}

t.test('pods are counted by image, over namespaces, with an example and its command', (t) => {
  const pods = [
    pending('a', 'not found'),
    pending('b', 'not found', { container: 'model-loader-lora' }),
    pending('c', 'not found', { namespace: 'team-b' }),
    pending('d', 'not found', { container: 'warm-up' }),
  ]
  t.strictSame(
    checkLoaderPull(surveyOf(pods)).map(({ what, commands }) => [what, commands]),
    [
      [
        `${image} cannot be pulled for 3 pods in 2 namespaces, as apps/a: ErrImagePull: not found`,
        ['kubectl describe pod a -n apps'],
      ],
    ],
    'the image of an init container of theirs is not our business',
  )
  t.end()
})

const secret = 'defaults: { image: "registry.example.com/loader:1" }\nloader: { imagePullSecrets: [regcred] }'
const remedies: readonly (readonly [message: string, remedy: RegExp, configText?: string])[] = [
  ['failed to resolve reference: not found', /^copy the image there by its digest \(a mirror\)[^;]*$/],
  [
    'pull access denied, repository does not exist or may require authorization',
    /which has none, and create it in apps/,
  ],
  ['unexpected status: 401 Unauthorized', /pull secret is in apps and of that registry.*: regcred\)/, secret],
  ['dial tcp: lookup registry.example.com: no such host', /^let the nodes reach the registry, or mirror/],
  ['Container image "x" is not present with pull policy of Never', /config\.loader\.imagePullPolicy/],
  [
    'not found',
    /loaders of new pods run registry\.example\.com\/new@sha256:1: delete the pods/,
    'defaults: { image: "registry.example.com/new@sha256:1" }',
  ],
]

for (const [message, remedy, configText] of remedies) {
  t.test(`the remedy fits the message of the kubelet: ${message}`, (t) => {
    t.match(checkLoaderPull(surveyOf([pending('a', message)], configText)), [{ severity: 'error', remedy }])
    t.end()
  })
}

t.test('without a known configuration it is not said to have no pull secret', (t) => {
  const survey = { ...surveyOf([pending('a', 'denied')]), configuration: unknown('forbidden') }
  t.match(checkLoaderPull(survey), [
    { remedy: /^name a pull secret in config\.loader\.imagePullSecrets of the chart; it has/ },
  ])
  t.end()
})

/** Answers with one pod, or refuses as an API server does. */
function clusterOf(mayRead: (namespace: string | undefined) => boolean, asked: ListOptions[]): Cluster {
  // eslint-disable-next-line @typescript-eslint/require-await -- the interface is that of a network
  async function* list(_resource: unknown, options: ListOptions = {}): AsyncGenerator {
    asked.push(options)
    const missing = { verb: 'list', group: '', resource: 'pods', namespace: options.namespace }
    if (!mayRead(options.namespace)) throw new ClusterError('missing permission: list pods', { status: 403, missing })
    yield pending('a', '')
  }
  return { namespace: 'apps', list } as unknown as Cluster
}

t.test('pods are listed in the whole cluster, and otherwise in the namespace of the context', async (t) => {
  const asked: ListOptions[] = []
  t.match(
    await findPendingPods(
      clusterOf(() => true, asked),
      'models.example.io/',
    ),
    { value: { pods: [{}] } },
  )
  t.match(asked, [{ labelSelector: 'models.example.io/injected=true', fieldSelector: 'status.phase=Pending' }])
  t.match(
    await findInjectedPods(
      clusterOf((namespace) => namespace === 'apps', []),
      'models.example.io/',
    ),
    {
      value: { pods: [{}], unread: 'pods outside of the namespace apps: missing permission: list pods' },
    },
  )
  t.match(
    await findInjectedPods(
      clusterOf(() => false, []),
      'models.example.io/',
    ),
    {
      state: 'unknown',
      why: 'missing permission: list pods',
    },
  )
})
