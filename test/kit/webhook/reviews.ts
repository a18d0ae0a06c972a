/** AdmissionReviews as an API server sends them. */

export type Fields = Record<string, unknown>

export function reviewOf(object: unknown, request: Fields = {}): { apiVersion: string; kind: string; request: Fields } {
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      requestKind: { group: '', version: 'v1', kind: 'Pod' },
      requestResource: { group: '', version: 'v1', resource: 'pods' },
      namespace: 'ml',
      operation: 'CREATE',
      userInfo: { username: 'system:serviceaccount:kube-system:replicaset-controller' },
      object,
      oldObject: null,
      dryRun: false,
      options: { apiVersion: 'meta.k8s.io/v1', kind: 'CreateOptions' },
      ...request,
    },
  }
}

/** Injected with the default configuration, with a warning that `expect` is missing unless the annotations say it. */
export function annotatedManifest(annotations: Record<string, string> = {}): Fields {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: 'llama-5d9c7b9f8-',
      annotations: {
        'models.example.io/source': 's3://models/llama/1.2.3/',
        'models.example.io/size': '20Gi',
        ...annotations,
      },
    },
    spec: { containers: [{ name: 'app', image: 'registry.example.com/llama:1', resources: {} }] },
  }
}

export function plainPod(): Fields {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web' },
    spec: { containers: [{ name: 'app', image: 'nginx' }] },
  }
}
