/** Admissions of pods as the benchmarks send them: by size, and by what the webhook has to do with them. */

import jsonPatch, { type Operation } from 'fast-json-patch'

const sizes = ['2.5 KB', '9.5 KB', '61 KB'] as const
type Size = (typeof sizes)[number]

const kinds = ['injected', 'three models', 's5cmd', 'denied', 'not annotated'] as const
type Kind = (typeof kinds)[number]

/** Containers with their numbers of variables; a pod without managed fields is one that nobody's controller made. */
const shapes: Readonly<Record<Size, Shape>> = {
  '2.5 KB': { containers: [['app', 0]], initContainers: [], managedFields: 0 },
  '9.5 KB': {
    containers: [
      ['app', 30],
      ['metrics', 8],
    ],
    initContainers: [['migrate', 8]],
    managedFields: 120,
  },
  '61 KB': {
    containers: Array.from({ length: 10 }, (_, i) => [`app-${i}`, 69]),
    initContainers: [['migrate', 12]],
    managedFields: 400,
  },
}

type NamedContainer = readonly [name: string, variables: number]

interface Shape {
  readonly containers: readonly NamedContainer[]
  readonly initContainers: readonly NamedContainer[]
  readonly managedFields: number
}

const model = {
  'models.example.io/source': 's3://my-ml-bucket/model-artifacts/my-model-1.2.3/*',
  'models.example.io/mount-path': '/app/model-artifacts',
  'models.example.io/size': '20Gi',
  'models.example.io/expect': 'objects=12',
  'models.example.io/env': 'MODEL_PATH',
  'models.example.io/service-account': 'my-inference-app',
}

const annotations: Readonly<Record<Kind, Readonly<Record<string, string>>>> = {
  injected: model,
  'three models': {
    ...model,
    'models.example.io/source.tokenizer': 's3://my-ml-bucket/tokenizers/my-tokenizer-4/',
    'models.example.io/size.tokenizer': '1Gi',
    'models.example.io/source.reranker': 's3://other-bucket/rerankers/v7/*',
    'models.example.io/mount-path.reranker': '/app/reranker',
    'models.example.io/size.reranker': '4Gi',
    'models.example.io/include.reranker': '*.safetensors,*.json',
  },
  s5cmd: { ...model, 'models.example.io/engine': 's5cmd' },
  denied: { ...model, 'models.example.io/size': '20 GB', 'models.example.io/sise': '20Gi' },
  'not annotated': {},
}

export interface AdmissionCase {
  readonly name: string
  /** The review as the API server sends it. */
  readonly body: string
}

/** Every size of the kinds that are usual, one of the others, and second passes of the pods as `answer` left them. */
export function admissionCases(answer: (body: string) => string): readonly AdmissionCase[] {
  const first = kinds.flatMap((kind) =>
    (kind === 'injected' || kind === 'not annotated' ? sizes : sizes.slice(1, 2)).map((size) => ({
      name: kind,
      body: admissionReview(deploymentPod(shapes[size], annotations[kind])),
    })),
  )
  const again = first
    .filter(({ name }) => name === 'injected' || name === 'three models')
    .map(({ name, body }) => ({ name: `second pass, ${name}`, body: patchedReview(body, answer(body)) }))
  return [...first, ...again]
}

function patchedReview(body: string, answer: string): string {
  const review = JSON.parse(body) as { request: { object: object } }
  const { response } = JSON.parse(answer) as { response: { patch: string } }
  const patch = JSON.parse(Buffer.from(response.patch, 'base64').toString()) as Operation[]
  jsonPatch.applyPatch(review.request.object, patch)
  return JSON.stringify(review)
}

/** As a Deployment's controller makes it and the API server shows it, managedFields included. */
function deploymentPod(shape: Shape, own: Readonly<Record<string, string>>): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: 'my-inference-app-6f5d8c7b9-',
      namespace: 'apps',
      labels: {
        'app.kubernetes.io/name': 'my-inference-app',
        'app.kubernetes.io/version': '3.5.0',
        'pod-template-hash': '6f5d8c7b9',
        team: 'ranking',
      },
      annotations: {
        ...(shape.managedFields > 0 && { 'kubectl.kubernetes.io/restartedAt': '2026-11-23T07:00:00Z' }),
        'prometheus.io/scrape': 'true',
        ...own,
      },
      ...(shape.managedFields > 0 && fieldsOfController(shape)),
    },
    spec: {
      containers: shape.containers.map(container),
      ...(shape.initContainers.length > 0 && { initContainers: shape.initContainers.map(container) }),
      volumes: [
        { name: 'config', configMap: { name: 'my-inference-app', defaultMode: 420 } },
        {
          name: 'kube-api-access-x7k2p',
          projected: {
            defaultMode: 420,
            sources: [
              { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
              { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
              {
                downwardAPI: {
                  items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
                },
              },
            ],
          },
        },
      ],
      serviceAccountName: 'default',
      serviceAccount: 'default',
      restartPolicy: 'Always',
      dnsPolicy: 'ClusterFirst',
      schedulerName: 'default-scheduler',
      terminationGracePeriodSeconds: 30,
      enableServiceLinks: true,
      preemptionPolicy: 'PreemptLowerPriority',
      priority: 0,
      securityContext: {},
      tolerations: [
        { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
        { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
      ],
    },
    status: {},
  }
}

function admissionReview(pod: object): string {
  return JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      requestKind: { group: '', version: 'v1', kind: 'Pod' },
      requestResource: { group: '', version: 'v1', resource: 'pods' },
      namespace: 'apps',
      operation: 'CREATE',
      dryRun: false,
      userInfo: {
        username: 'system:serviceaccount:kube-system:replicaset-controller',
        groups: ['system:serviceaccounts', 'system:authenticated'],
      },
      object: pod,
      oldObject: null,
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
    },
  })
}

function fieldsOfApp(variables: number): object {
  return {
    env: Array.from({ length: variables }, (_, i) => ({
      name: `SETTING_NUMBER_${i}`,
      value: `the value of setting ${i}`,
    })),
    ports: [{ name: 'http', containerPort: 6060, protocol: 'TCP' }],
    readinessProbe: {
      httpGet: { path: '/ready', port: 'http', scheme: 'HTTP' },
      periodSeconds: 5,
      timeoutSeconds: 1,
      successThreshold: 1,
      failureThreshold: 3,
    },
  }
}

function container([name, variables]: NamedContainer): object {
  return {
    name,
    image: `registry.example.com/team/${name}:3.5.0`,
    imagePullPolicy: 'IfNotPresent',
    ...(variables > 0 && fieldsOfApp(variables)),
    resources: { requests: { cpu: '2', memory: '8Gi' }, limits: { memory: '8Gi' } },
    volumeMounts: [
      { name: 'config', mountPath: '/etc/app', readOnly: true },
      { name: 'kube-api-access-x7k2p', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true },
    ],
    securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
  }
}

function fieldsOfController({ managedFields }: Shape): object {
  return {
    ownerReferences: [
      {
        apiVersion: 'apps/v1',
        kind: 'ReplicaSet',
        name: 'my-inference-app-6f5d8c7b9',
        uid: '0d0e3f0a-6c1c-4d5e-9a54-1c1d6a0b7f11',
        controller: true,
        blockOwnerDeletion: true,
      },
    ],
    managedFields: [managedBy('kube-controller-manager', managedFields)],
  }
}

function managedBy(manager: string, count: number): object {
  return {
    manager,
    operation: 'Update',
    apiVersion: 'v1',
    time: '2026-11-23T07:00:00Z',
    fieldsType: 'FieldsV1',
    fieldsV1: { 'f:spec': Object.fromEntries(Array.from({ length: count }, (_, i) => [`f:field${i}`, {}])) },
  }
}
