import t from 'tap'
import type { AdmissionRequest } from '../../../src/admission/review.ts'
import type { Denied, Injected } from '../../../src/inject/inject.ts'
import { eventOf } from '../../../src/server/admission-event.ts'

const owner = {
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  name: 'llama-5d9c',
  uid: 'u-1',
  controller: true,
  blockOwnerDeletion: true,
}
const injected: Injected = {
  outcome: 'injected',
  reason: 'Injected',
  pod: { spec: { containers: [] } },
  warnings: [],
  rules: ['team-a'],
  patch: [],
  models: [{ name: 'model', source: 's3://models/llama/', delivery: 'download' }],
}
const denied: Denied = {
  outcome: 'denied',
  reason: 'InvalidAnnotation',
  warnings: [],
  rules: [],
  diagnostics: [{ reason: 'InvalidAnnotation', field: 'spec.a', found: 'x', problem: 'is bad' }],
}

function requestOf(ownerReferences: unknown, request: Partial<AdmissionRequest> = {}): AdmissionRequest {
  return {
    uid: 'u',
    operation: 'CREATE',
    namespace: 'ml',
    name: '',
    dryRun: false,
    isPodCreation: true,
    object: { metadata: { ownerReferences } },
    ...request,
  }
}

t.test('an injection is a Normal Event on what controls the pod', (t) => {
  t.strictSame(eventOf(requestOf([{ ...owner, controller: false, name: 'other' }, owner]), injected), {
    owner: { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'llama-5d9c', uid: 'u-1', namespace: 'ml' },
    type: 'Normal',
    reason: 'Injected',
    action: 'Inject',
    note: 'model-injector: pods get model from s3://models/llama/ by download; allowed by team-a',
  })
  t.end()
})

t.test('a denial is a Warning with the text that the user gets, in one line', (t) => {
  t.match(eventOf(requestOf([owner]), denied), {
    type: 'Warning',
    reason: 'InvalidAnnotation',
    action: 'Deny',
    note: 'model-injector: 1 problem; spec.a: "x" is bad',
  })
  t.end()
})

t.test('there is no Event for a dry run, a skipped pod, or a pod without a controller', (t) => {
  t.equal(eventOf(requestOf([owner], { dryRun: true }), denied), undefined)
  t.equal(eventOf(requestOf([owner]), { outcome: 'skipped', reason: 'AlreadyInjected', warnings: [] }), undefined)
  t.equal(eventOf(requestOf([{ ...owner, controller: undefined }]), denied), undefined)
  t.equal(eventOf(requestOf(undefined), denied), undefined)
  t.end()
})

t.test('owners that are no owners are passed over', (t) => {
  for (const references of [
    'x',
    {},
    [null],
    [3],
    [{ controller: true }],
    [{ ...owner, uid: 4 }],
    [{ ...owner, name: '' }],
    [{ ...owner, kind: 'K'.repeat(254) }],
  ]) {
    t.equal(eventOf(requestOf(references), denied), undefined, JSON.stringify(references).slice(0, 60))
  }
  for (const object of [undefined, null, {}, { metadata: null }]) {
    t.equal(eventOf(requestOf([], { object }), denied), undefined)
  }
  t.end()
})

t.test('a note is never longer than the API server takes', (t) => {
  const long = { ...denied, diagnostics: Array.from({ length: 90 }, () => denied.diagnostics[0]) } as unknown as Denied
  const { note } = eventOf(requestOf([owner]), long)!
  t.ok(Buffer.byteLength(note) <= 1024)
  t.match(note, /…$/)
  t.end()
})
