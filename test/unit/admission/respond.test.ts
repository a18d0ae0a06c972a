import t from 'tap'
import { respond } from '../../../src/admission/respond.ts'
import type { Injected, Outcome } from '../../../src/inject/inject.ts'
import type { Diagnostic, Warning } from '../../../src/reasons.ts'

const uid = 'a-uid'
const hash = '0123456789abcdef'
const injected: Injected = {
  outcome: 'injected', reason: 'Injected', pod: { spec: { containers: [] } }, warnings: [], rules: [],
  patch: [{ op: 'add', path: '/spec/volumes', value: [{ name: 'mödel \ud83d\ude80' }] }],
  models: [{ name: 'model', source: 's3://models/llama/', delivery: 'download' }],
}

t.test('a skipped pod is allowed without a patch, and the audit log gets the reason', (t) => {
  t.strictSame(respond(uid, { outcome: 'skipped', reason: 'OptedOut', warnings: [] }, hash), {
    apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview',
    response: { uid, allowed: true, auditAnnotations: { decision: 'skipped', reason: 'OptedOut', 'config-hash': hash } },
  })
  t.end()
})

t.test('an injected pod is allowed with its patch in base64', (t) => {
  const { response } = respond(uid, injected, hash)
  const { patch, ...rest } = response
  t.strictSame(rest, {
    uid, allowed: true, patchType: 'JSONPatch',
    auditAnnotations: { decision: 'injected', reason: 'Injected', 'config-hash': hash, sources: 's3://models/llama/' },
  })
  t.strictSame(JSON.parse(Buffer.from(patch!, 'base64').toString()), injected.patch)
  t.end()
})

t.test('several sources and rules are comma lists', (t) => {
  const models = [...injected.models, { name: 'lora', source: 's3://models/lora/', delivery: 'download' }]
  const { auditAnnotations } = respond(uid, { ...injected, models, rules: ['team-a', 'shared'] }, hash).response
  t.match(auditAnnotations, { sources: 's3://models/llama/,s3://models/lora/', rule: 'team-a,shared' })
  t.end()
})

t.test('no key of an audit annotation has a slash, which the API server would drop', (t) => {
  const { auditAnnotations } = respond(uid, { ...injected, rules: ['team-a'] }, hash).response
  t.strictSame(Object.keys(auditAnnotations).filter((key) => key.includes('/')), [])
  t.end()
})

t.test('an empty patch is left out, with its type', (t) => {
  const { response } = respond(uid, { ...injected, patch: [] }, hash)
  t.strictSame(Object.keys(response), ['uid', 'allowed', 'auditAnnotations'])
  t.end()
})

t.test('a denied pod gets all diagnostics in one message, one line each, and no details', (t) => {
  const { response } = respond(uid, denied(diagnostic('spec.a'), diagnostic('spec.b')), hash)
  t.strictSame(response, {
    uid, allowed: false,
    status: { code: 422, reason: 'Invalid', message: 'model-injector: 2 problems\nspec.a: "x" is bad\nspec.b: "x" is bad' },
    auditAnnotations: { decision: 'denied', reason: 'InvalidAnnotation', 'config-hash': hash },
  })
  t.end()
})

t.test('one problem is called one problem', (t) => {
  const { status } = respond(uid, denied(diagnostic('spec.a')), hash).response
  t.equal(status?.message.split('\n')[0], 'model-injector: 1 problem')
  t.end()
})

t.test('a thousand problems are counted, and a hundred shown', (t) => {
  const many = Array.from({ length: 999 }, (_, i) => diagnostic(`spec.x${i}`))
  const lines = respond(uid, denied(diagnostic('spec.a'), ...many), hash).response.status!.message.split('\n')
  t.equal(lines.length, 102)
  t.equal(lines[0], 'model-injector: 1000 problems')
  t.equal(lines.at(-1), 'and 900 more')
  t.end()
})

t.test('a denial carries its warnings', (t) => {
  const { warnings } = respond(uid, { ...denied(diagnostic('spec.a')), warnings: [warning('look out')] }, hash).response
  t.strictSame(warnings, ['look out'])
  t.end()
})

t.test('warnings', (t) => {
  const textOf = (message: string): string => respond(uid, { ...injected, warnings: [warning(message)] }, hash).response.warnings![0]!

  t.test('of 120 characters are whole', (t) => {
    t.equal(textOf('w'.repeat(120)), 'w'.repeat(120))
    t.end()
  })
  t.test('of 121 characters are cut to 120', (t) => {
    t.equal(textOf('w'.repeat(121)), `${'w'.repeat(119)}…`)
    t.end()
  })
  t.test('are never cut inside a character', (t) => {
    t.equal(textOf('🚀'.repeat(121)), `${'🚀'.repeat(119)}…`)
    t.end()
  })
  t.test('have no control characters and no halves of characters, for which the API server would drop them', (t) => {
    t.equal(textOf('a\nb\u0000c\ud800'), 'a b c\ufffd')
    t.end()
  })
  t.end()
})

function warning(message: string): Warning {
  return { reason: 'NoSize', message }
}

function diagnostic(field: string): Diagnostic {
  return { reason: 'InvalidAnnotation', field, found: 'x', problem: 'is bad' }
}

function denied(first: Diagnostic, ...rest: Diagnostic[]): Outcome {
  return { outcome: 'denied', reason: first.reason, diagnostics: [first, ...rest], warnings: [] }
}
