/** Fields that a digest in the status covers, and those that it leaves to others. */
import t from 'tap'
import { defaultConfig } from '../../../../src/config/parse-config.ts'
import { digestsOf, sealStatus } from '../../../../src/inject/ownership/digest.ts'
import { inject } from '../../../../src/inject/inject.ts'
import { ownedFields } from '../../../../src/inject/ownership/owned-fields.ts'
import type { Container, Pod, Volume } from '../../../../src/pod/pod.ts'
import { readStatus } from '../../../../src/inject/read-status.ts'
import type { Status } from '../../../../src/inject/status.ts'
import { podWith } from '../../../kit/webhook/pods.ts'

const prefix = 'models.example.io/'
const whole = injected(
  podWith({ source: 's3://models/llama/', size: '20Gi', env: 'MODEL_PATH', 'service-account': 'reader' }),
)
const status = statusOf(whole)

function injected(pod: Pod): Pod {
  const outcome = inject(pod, 'apps', defaultConfig)
  if (outcome.outcome !== 'injected') throw new Error(JSON.stringify(outcome))
  return outcome.pod
}

function statusOf(pod: Pod): Status {
  const found = readStatus(pod, prefix)
  if (found === undefined) throw new Error('no status')
  return found
}

/** The parts whose digest is another one now. */
function changed(pod: Pod): readonly string[] {
  const now = digestsOf(pod, status)
  return Object.keys({ ...now, ...status.digests }).filter((part) => now[part] !== status.digests?.[part])
}

function withLoader(change: (loader: Container) => Container): Pod {
  return { ...whole, spec: { ...whole.spec, initContainers: (whole.spec.initContainers ?? []).map(change) } }
}

function withVolume(change: (volume: Volume) => Volume): Pod {
  return {
    ...whole,
    spec: {
      ...whole.spec,
      volumes: (whole.spec.volumes ?? []).map((volume) => (volume.name === 'model-data' ? change(volume) : volume)),
    },
  }
}

t.test('an injected pod has a digest of each of its parts, and of the status', (t) => {
  t.strictSame(Object.keys(status.digests ?? {}).sort(), [
    'spec.containers[app]',
    'spec.initContainers[model-loader]',
    'spec.serviceAccountName',
    'spec.volumes[eks-pod-identity-token]',
    'spec.volumes[model-data]',
    'spec.volumes[model-tmp]',
    'status',
  ])
  t.strictSame(changed(whole), [])
  t.end()
})

t.test('the input of a digest never changes, or every older pod would look changed', (t) => {
  const pod: Pod = {
    metadata: {},
    spec: {
      serviceAccountName: 'reader',
      initContainers: [
        {
          name: 'model-loader',
          args: ['load'],
          env: [{ name: 'MODEL_SOURCE', value: 's3://m/x/' }],
          volumeMounts: [{ name: 'model-data', mountPath: '/model' }],
        },
      ],
      containers: [
        {
          name: 'app',
          volumeMounts: [{ name: 'model-data', mountPath: '/models/model', subPath: 'id/files', readOnly: true }],
          env: [{ name: 'MODEL_PATH', value: '/models/model' }],
        },
      ],
      volumes: [
        { name: 'model-data', emptyDir: { sizeLimit: '1Gi' } },
        { name: 'model-data-b', persistentVolumeClaim: { claimName: 'c', readOnly: true } },
      ],
    },
  }
  const fixed: Status = {
    schema: 1,
    injector: '0.0.0',
    config: 'c',
    annotations: 'a',
    initOrder: 'auto',
    runAsUser: 'auto',
    models: [
      {
        name: 'model',
        source: 's3://m/x/',
        delivery: 'download',
        loader: 'model-loader',
        volume: 'model-data',
        mountPath: '/models/model',
        containers: ['app'],
        env: 'MODEL_PATH',
        envAdded: ['app'],
      },
    ],
    added: { volumes: ['model-data', 'model-data-b'] },
    replaced: { serviceAccountName: null },
  }
  t.strictSame(digestsOf(pod, fixed), {
    'spec.initContainers[model-loader]': 'a78d9ff5fb47803f',
    'spec.containers[app]': '25cebf27e1d17ecc',
    'spec.volumes[model-data]': '07c054aef95a6be8',
    'spec.volumes[model-data-b]': '49e7277e4584a5f9',
    'spec.serviceAccountName': 'f9a97e27322adc9d',
    status: 'e7cbe0e57c4723cd',
  })
  t.end()
})

const others: readonly (readonly [what: string, pod: Pod])[] = [
  [
    'fields that the API server fills in',
    withLoader((loader) => ({ ...loader, terminationMessagePath: '/dev/termination-log', imagePullPolicy: 'Always' })),
  ],
  ['the image, which a registry mirror rewrites', withLoader((loader) => ({ ...loader, image: 'mirror/x' }))],
  ['resources, which a LimitRange sets', withLoader((loader) => ({ ...loader, resources: { limits: { cpu: '9' } } }))],
  [
    'variables and mounts of others',
    withLoader((loader) => ({
      ...loader,
      env: [{ name: 'HTTP_PROXY', value: 'x' }, ...(loader.env ?? [])],
      volumeMounts: [{ name: 'token', mountPath: '/var/run/x' }, ...(loader.volumeMounts ?? [])],
    })),
  ],
  ['the order of variables', withLoader((loader) => ({ ...loader, env: (loader.env ?? []).toReversed() }))],
  [
    'another way to write an amount',
    withVolume((volume) => ({ ...volume, emptyDir: { sizeLimit: String(20954 * 2 ** 20) } })),
  ],
  [
    'when a token expires',
    {
      ...whole,
      spec: {
        ...whole.spec,
        volumes: JSON.parse(
          JSON.stringify(whole.spec.volumes).replace(/"expirationSeconds":\d+/, '"expirationSeconds":80000'),
        ) as Volume[],
      },
    },
  ],
]

for (const [what, pod] of others) {
  t.test(`not covered: ${what}`, (t) => {
    t.notSame(pod, whole)
    t.strictSame(changed(pod), [])
    t.end()
  })
}

const ours: readonly (readonly [what: string, pod: Pod, part: string])[] = [
  [
    'the command of the loader',
    withLoader((loader) => ({ ...loader, args: ['other'] })),
    'spec.initContainers[model-loader]',
  ],
  [
    'the origin of a variable',
    withLoader((loader) => ({
      ...loader,
      env: (loader.env ?? []).map((variable) =>
        variable.name === 'MODEL_SOURCE'
          ? { name: 'MODEL_SOURCE', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }
          : variable,
      ),
    })),
    'spec.initContainers[model-loader]',
  ],
  [
    'the medium of the volume',
    withVolume((volume) => ({ ...volume, emptyDir: { medium: 'Memory', sizeLimit: '20954Mi' } })),
    'spec.volumes[model-data]',
  ],
  [
    'the kind of the volume',
    withVolume(({ name }) => ({ name, nfs: { server: 'x', path: '/' } })),
    'spec.volumes[model-data]',
  ],
  [
    'the service account',
    { ...whole, spec: { ...whole.spec, serviceAccountName: 'other' } },
    'spec.serviceAccountName',
  ],
  ['a part that is gone', { ...whole, spec: { ...whole.spec, volumes: [] } }, 'spec.volumes[model-tmp]'],
]

for (const [what, pod, part] of ours) {
  t.test(`covered: ${what}`, (t) => {
    t.ok(changed(pod).includes(part), changed(pod).join(', '))
    t.end()
  })
}

t.test('a mirror may give an image volume another registry, and no other digest', (t) => {
  const digest = 'a'.repeat(64)
  const fields = (reference: string): unknown =>
    ownedFields(
      { spec: { containers: [{ name: 'app' }], volumes: [{ name: 'model-data', image: { reference } }] } },
      { ...status, models: [], added: { volumes: ['model-data'] } },
    )
  t.strictSame(
    fields(`registry.example.com/llama@sha256:${digest}`),
    fields(`mirror.corp/cache/llama@sha256:${digest}`),
  )
  t.notSame(
    fields(`registry.example.com/llama@sha256:${digest}`),
    fields(`registry.example.com/llama@sha256:${'b'.repeat(64)}`),
  )
  t.end()
})

t.test('sealing twice gives the same status', (t) => {
  const again = sealStatus(whole, status, prefix)
  t.strictSame(readStatus(again, prefix), status)
  t.end()
})
