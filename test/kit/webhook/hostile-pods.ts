/** Pods that are as large as somebody likes, each in another way. The API server takes up to 3 MiB. */
import {
  allModels,
  containers,
  dictionary,
  injectedParts,
  loader,
  models,
  modelStatus,
  mounts,
  namedItem,
  pod,
  required,
  terms,
  times,
  withStatus,
  type Json,
} from './large-pod.ts'

export interface HostilePod {
  readonly name: string
  /** The smallest size that is tried, if its parts take much room even without one of the counted things. */
  readonly leastKiB?: number
  /** With `count` of what the name says. */
  readonly make: (count: number) => Json
}

export const hostilePods: readonly HostilePod[] = [
  { name: 'many models', make: (n) => pod({ own: models(n) }) },
  { name: 'many models for every container', make: (n) => pod({ own: models(n, { containers: '*' }) }) },
  {
    name: 'many models and many containers',
    make: (n) => pod({ own: models(n, { containers: '*' }), spec: { containers: containers(n) } }),
  },
  { name: 'many containers', make: (n) => pod({ own: { containers: '*' }, spec: { containers: containers(n) } }) },
  {
    name: 'many containers with all models',
    make: (n) => pod({ own: allModels(), spec: { containers: containers(n) } }),
  },
  {
    name: 'many containers that get no credentials',
    make: (n) =>
      pod({
        own: { 'credentials-scope': 'loader' },
        foreign: { 'eks.amazonaws.com/skip-containers': times(n, (i) => `c${i}`).join(',') },
        spec: { containers: times(n, namedItem('d')).concat({ name: 'app' }) },
      }),
  },
  {
    name: 'many init containers with all models',
    make: (n) => pod({ own: allModels({ containers: 'app,i1' }), spec: { initContainers: times(n, namedItem('i')) } }),
  },
  {
    name: 'hundreds of names of many init containers',
    make: (n) =>
      pod({
        own: { containers: times(200, (i) => `i${i}`).join(',') },
        spec: { initContainers: times(n, namedItem('i')) },
      }),
  },
  {
    name: 'a long list of containers that are not there',
    make: (n) => pod({ own: { containers: times(n, (i) => `x${i}`).join(',') } }),
  },
  {
    name: 'hundreds of names that are not there with many containers',
    make: (n) =>
      pod({ own: { containers: times(200, (i) => `x${i}`).join(',') }, spec: { containers: containers(n) } }),
  },
  { name: 'many own annotations', make: (n) => pod({ own: dictionary(n, (i) => [`size.x${i}`, '1Gi']) }) },
  { name: 'many unknown annotations', make: (n) => pod({ own: dictionary(n, (i) => [`sise${i}`, '1Gi']) }) },
  { name: 'long own annotations', make: (n) => pod({ own: dictionary(100, (i) => [`sise${i}`, 'x'.repeat(n / 20)]) }) },
  {
    name: 'many foreign annotations',
    make: (n) => pod({ foreign: dictionary(n, (i) => [`a.example.com/${i}`, 'x']) }),
  },
  {
    name: 'many volumes with all models',
    make: (n) => pod({ own: allModels({ volume: 'existing/v1' }), spec: { volumes: times(n, (i) => emptyDir(i)) } }),
  },
  {
    name: 'many volumes that no loader can write to',
    make: (n) => pod({ own: allModels({ volume: 'existing/none' }), spec: { volumes: times(n, (i) => emptyDir(i)) } }),
  },
  {
    name: 'many claims with all models',
    make: (n) =>
      pod({
        own: { source: 'pvc://c1', size: undefined, ...allModels({ source: 'pvc://c2/path', size: undefined }) },
        spec: {
          volumes: times(n, (i) => ({ name: `v${i}`, persistentVolumeClaim: { claimName: `c${i}` } })),
        },
      }),
  },
  { name: 'many mounts with all models', make: (n) => pod({ own: allModels(), app: { volumeMounts: mounts(n) } }) },
  {
    name: 'many mounts in the way of all models',
    make: (n) =>
      pod({
        own: allModels(),
        app: { volumeMounts: times(n, (i) => ({ name: 'v', mountPath: `/models/m${i % 31}/${i}` })) },
      }),
  },
  {
    name: 'many variables with all models',
    make: (n) =>
      pod({ own: allModels({ env: 'E1' }), app: { env: times(n, (i) => ({ name: `E${i % 999}`, value: '1' })) } }),
  },
  {
    name: 'an identity that was written very often',
    make: (n) =>
      pod({
        own: { credentials: 'irsa', ...allModels() },
        app: {
          env: times(n, (i) => ({ name: i % 2 === 0 ? 'AWS_ROLE_ARN' : 'AWS_WEB_IDENTITY_TOKEN_FILE', value: 'x' })),
          volumeMounts: mounts(n, 'aws-iam-token'),
        },
      }),
  },
  {
    name: 'many node selector terms',
    make: (n) => pod({ own: { source: 'node:///opt/m', size: undefined }, spec: required(terms(n)) }),
  },
  {
    name: 'many gates, tolerations, pull secrets and owners',
    make: (n) =>
      pod({
        metadata: { ownerReferences: times(n, namedItem('o')) },
        spec: {
          schedulingGates: times(n, namedItem('g')),
          tolerations: times(n, (i) => ({ key: `t${i}` })),
          imagePullSecrets: times(n, namedItem('s')),
        },
      }),
  },
  {
    name: 'a long path in hundreds of mounts',
    leastKiB: 24,
    make: (n) =>
      pod({
        own: { source: `pvc://claim/${'x'.repeat(n)}`, containers: '*', size: undefined },
        spec: { containers: times(500, namedItem('c')) },
      }),
  },
  { name: 'a long status', make: (n) => withStatus(pod({}), { injector: 'x'.repeat(n * 9) }) },
  {
    name: 'a status of many models with many containers',
    make: (n) =>
      withStatus(pod({ spec: { ...injectedParts, containers: containers(n) } }), {
        models: times(n / 60, (i) => ({ ...modelStatus, name: `m${i}`, containers: [`c${i}`, 'app'] })),
      }),
  },
  {
    name: 'a status with a container named very often, which has many mounts',
    make: (n) =>
      withStatus(pod({ app: { volumeMounts: mounts(n) }, spec: injectedParts }), {
        models: [{ ...modelStatus, containers: times(n / 6, () => 'app'), envAdded: times(n / 6, () => 'app') }],
      }),
  },
  {
    name: 'a status with many containers',
    make: (n) =>
      withStatus(pod({ spec: { ...injectedParts, containers: containers(n) } }), {
        models: [{ ...modelStatus, env: 'E', containers: times(n / 4, (i) => `c${i}`) }],
      }),
  },
  {
    name: 'a status of other annotations with many containers with mounts',
    make: (n) =>
      withStatus(
        pod({
          spec: { ...injectedParts, containers: containers(n / 3).map((c) => ({ ...c, volumeMounts: mounts(2) })) },
        }),
        {
          annotations: 'other',
          models: times(n / 60, (i) => ({ ...modelStatus, name: `m${i}`, containers: [`c${i}`, 'app'] })),
        },
      ),
  },
  {
    name: 'a status that placed the pod by many labels, with many terms',
    make: (n) =>
      withStatus(
        pod({ spec: { ...injectedParts, ...required(terms(n)), tolerations: terms(n).map(() => ({ key: 'a' })) } }),
        {
          added: {
            volumes: ['model-data'],
            nodeLabels: times(n / 6, (i) => `l${i}`),
            tolerations: times(n / 6, (i) => `t${i}`),
            schedulingGates: times(n / 6, (i) => `g${i}`),
          },
        },
      ),
  },
  {
    name: 'a status of other annotations that placed the pod by many labels',
    make: (n) =>
      withStatus(
        pod({ spec: { ...injectedParts, ...required(terms(n)), schedulingGates: times(n, namedItem('g')) } }),
        {
          annotations: 'other',
          added: {
            volumes: times(n / 6, (i) => `v${i}`),
            skipContainers: times(n / 6, (i) => `c${i}`),
            nodeLabels: times(n / 6, (i) => `l${i}`),
            schedulingGates: times(n / 6, (i) => `g${i}`),
          },
        },
      ),
  },
  {
    name: 'a damaged pod with many init containers',
    make: (n) =>
      withStatus(pod({ spec: { ...injectedParts, initContainers: [loader, ...times(n, namedItem('i'))] } }), {}),
  },
  {
    name: 'a damaged loader with many variables and mounts',
    make: (n) =>
      withStatus(
        pod({
          spec: {
            ...injectedParts,
            initContainers: [
              {
                ...loader,
                env: [...times(n, (i) => ({ name: `MODEL_${i}`, value: 'x' })), ...loader.env],
                volumeMounts: [...loader.volumeMounts, ...mounts(n)],
              },
            ],
          },
        }),
        {},
      ),
  },
]

function emptyDir(i: number): Json {
  return { name: `v${i}`, emptyDir: {} }
}
