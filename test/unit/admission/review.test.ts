import t from 'tap'
import { readReview } from '../../../src/admission/review.ts'
import { annotatedManifest, plainPod, reviewOf } from '../../kit/webhook/reviews.ts'

t.test('a pod creation is read with all that is used of it', (t) => {
  const pod = annotatedManifest()
  t.strictSame(readReview(reviewOf(pod, { name: 'llama-0', dryRun: true })), {
    ok: true,
    request: {
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      operation: 'CREATE',
      namespace: 'ml',
      name: 'llama-0',
      dryRun: true,
      isPodCreation: true,
      object: pod,
    },
  })
  t.end()
})

t.test('fields that the API server leaves out are empty', (t) => {
  const {
    apiVersion,
    kind,
    request: { uid, operation, kind: podKind, resource },
  } = reviewOf(plainPod())
  const result = readReview({ apiVersion, kind, request: { uid, operation, kind: podKind, resource, object: {} } })
  t.match(result, { ok: true, request: { namespace: '', name: '', dryRun: false, isPodCreation: true } })
  t.end()
})

const malformed: [string, unknown, string][] = [
  ['nothing', undefined, 'the body is not a JSON object'],
  ['null', null, 'the body is not a JSON object'],
  ['a list', [reviewOf(plainPod())], 'the body is not a JSON object'],
  ['text', 'review', 'the body is not a JSON object'],
  [
    'v1beta1',
    { ...reviewOf(plainPod()), apiVersion: 'admission.k8s.io/v1beta1' },
    'the body is not an AdmissionReview of admission.k8s.io/v1',
  ],
  [
    'another kind',
    { ...reviewOf(plainPod()), kind: 'ConversionReview' },
    'the body is not an AdmissionReview of admission.k8s.io/v1',
  ],
  ['no request', { ...reviewOf(plainPod()), request: undefined }, 'request is missing'],
  ['a request that is a list', { ...reviewOf(plainPod()), request: [] }, 'request is missing'],
  ['no uid', reviewOf(plainPod(), { uid: undefined }), 'request.uid is missing'],
  ['an empty uid', reviewOf(plainPod(), { uid: '' }), 'request.uid is missing'],
  ['a uid that is a number', reviewOf(plainPod(), { uid: 7 }), 'request.uid is missing'],
  [
    'a uid of 129 characters',
    reviewOf(plainPod(), { uid: 'u'.repeat(129) }),
    'request.uid is longer than 128 characters',
  ],
  ['no operation', reviewOf(plainPod(), { operation: null }), 'request.operation is missing'],
  ['a namespace that is an object', reviewOf(plainPod(), { namespace: {} }), 'request.namespace is not a string'],
  ['a name that is a number', reviewOf(plainPod(), { name: 1 }), 'request.name is not a string'],
  ['a pod creation without a pod', reviewOf(null), 'request.object is missing'],
]

for (const [what, body, problem] of malformed) {
  t.test(`${what} is reported as malformed`, (t) => {
    t.strictSame(readReview(body), { ok: false, problem })
    t.end()
  })
}

const podResource = { group: '', version: 'v1', resource: 'pods' }
const others: [string, Record<string, unknown>][] = [
  ['an update', { operation: 'UPDATE' }],
  ['a deletion, which has no object', { operation: 'DELETE', object: null }],
  ['an ephemeral container', { subResource: 'ephemeralcontainers' }],
  ['a binding', { subResource: 'binding', kind: { group: '', version: 'v1', kind: 'Binding' } }],
  [
    'a Deployment',
    {
      kind: { group: 'apps', version: 'v1', kind: 'Deployment' },
      resource: { group: 'apps', version: 'v1', resource: 'deployments' },
    },
  ],
  ['another kind in the pods resource', { kind: { group: 'apps', version: 'v1', kind: 'Deployment' } }],
  ['the pods of another API group', { resource: { ...podResource, group: 'metrics.k8s.io' } }],
  ['a request without kind and resource', { kind: null, resource: undefined }],
]

for (const [what, request] of others) {
  t.test(`${what} is read and is no pod creation`, (t) => {
    t.match(readReview(reviewOf(plainPod(), request)), { ok: true, request: { isPodCreation: false } })
    t.end()
  })
}
