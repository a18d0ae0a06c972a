/** A pod as a Deployment's controller makes it and the API server shows it: about 8 KB of JSON, managedFields included. */
export function realisticPod(annotated: boolean): object {
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
        'prometheus.io/scrape': 'true',
        'prometheus.io/port': '9102',
        'kubectl.kubernetes.io/restartedAt': '2026-11-23T07:00:00Z',
        ...(annotated && {
          'models.example.io/source': 's3://my-ml-bucket/model-artifacts/my-model-1.2.3/*',
          'models.example.io/mount-path': '/app/model-artifacts',
          'models.example.io/size': '20Gi',
          'models.example.io/expect': 'objects=12',
          'models.example.io/env': 'MODEL_PATH',
          'models.example.io/service-account': 'my-inference-app',
        }),
      },
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
      managedFields: [
        {
          manager: 'kube-controller-manager',
          operation: 'Update',
          apiVersion: 'v1',
          time: '2026-11-23T07:00:00Z',
          fieldsType: 'FieldsV1',
          fieldsV1: {
            'f:metadata': managed(24),
            'f:spec': { 'f:containers': { 'k:{"name":"app"}': managed(48) }, ...managed(12) },
          },
        },
      ],
    },
    spec: {
      containers: [container('app', 24), container('metrics', 6)],
      initContainers: [container('migrate', 6)],
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

export function admissionReview(pod: object): string {
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

function container(name: string, variables: number): object {
  return {
    name,
    image: `registry.example.com/team/${name}:3.5.0`,
    imagePullPolicy: 'IfNotPresent',
    env: Array.from({ length: variables }, (_, i) => ({
      name: `SETTING_NUMBER_${i}`,
      value: `the value of setting ${i}`,
    })),
    ports: [{ name: 'http', containerPort: 6060, protocol: 'TCP' }],
    resources: { requests: { cpu: '2', memory: '8Gi' }, limits: { memory: '8Gi' } },
    readinessProbe: {
      httpGet: { path: '/ready', port: 'http', scheme: 'HTTP' },
      periodSeconds: 5,
      timeoutSeconds: 1,
      successThreshold: 1,
      failureThreshold: 3,
    },
    volumeMounts: [
      { name: 'config', mountPath: '/etc/app', readOnly: true },
      { name: 'kube-api-access-x7k2p', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true },
    ],
    securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
  }
}

function managed(count: number): object {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`f:field${i}`, {}]))
}
