import jsonPatch, { type Operation } from 'fast-json-patch'
import t from 'tap'
import { admit, type Admission } from '../../../src/admission/admit.ts'
import { readReview } from '../../../src/admission/review.ts'
import { defaultConfig } from '../../../src/config/parse-config.ts'
import { inject } from '../../../src/inject/inject.ts'
import { annotatedManifest, plainPod, reviewOf, type Fields } from '../../kit/webhook/reviews.ts'

t.test('the patch turns the pod of the request into the injected pod', (t) => {
  const pod = annotatedManifest()
  const { review } = admitted(pod)
  const patch = JSON.parse(Buffer.from(review.response.patch!, 'base64').toString()) as Operation[]
  const expected = inject(pod, 'ml', defaultConfig)
  t.equal(expected.outcome, 'injected')
  t.strictSame(
    jsonPatch.applyPatch(structuredClone(pod), patch).newDocument,
    expected.outcome === 'injected' && expected.pod,
  )
  t.end()
})

t.test('the request is left as it came', (t) => {
  const pod = deepFreeze(annotatedManifest())
  t.equal(admitted(pod).outcome.outcome, 'injected')
  t.end()
})

t.test('an update of an annotated pod is skipped', (t) => {
  const { outcome, review } = admitted(annotatedManifest(), { operation: 'UPDATE' })
  t.match(outcome, { outcome: 'skipped', reason: 'NotPodCreation' })
  t.match(review.response, { allowed: true, patch: undefined, auditAnnotations: { reason: 'NotPodCreation' } })
  t.end()
})

t.test('a dry run gets the same answer', (t) => {
  t.strictSame(admitted(annotatedManifest(), { dryRun: true }), admitted(annotatedManifest()))
  t.end()
})

t.test('the uid of the request comes back', (t) => {
  t.equal(admitted(plainPod(), { uid: 'another' }).review.response.uid, 'another')
  t.end()
})

t.test('the namespace of the request is what the policy looks at', (t) => {
  const config = { ...defaultConfig, policy: { rules: [{ name: 'team', namespaces: ['team-a'] }] } }
  const outcomeIn = (namespace: string): Admission => {
    const result = readReview(reviewOf(annotatedManifest(), { namespace }))
    if (!result.ok) throw new Error(result.problem)
    return admit(result.request, config)
  }
  t.match(outcomeIn('team-a').review.response, { allowed: true, auditAnnotations: { rule: 'team' } })
  t.match(outcomeIn('team-b').review.response, { allowed: false, auditAnnotations: { reason: 'NotAllowed' } })
  t.end()
})

function admitted(pod: Fields, request: Fields = {}): Admission {
  const result = readReview(reviewOf(pod, request))
  if (!result.ok) throw new Error(result.problem)
  return admit(result.request, defaultConfig)
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze)
  return value
}
