import t from 'tap'
import { longestAuditValueBytes, type AuditAnnotations } from '../../../src/admission/audit-annotations.ts'
import { respond, type AdmissionReview } from '../../../src/admission/respond.ts'
import type { Denied, Injected, Outcome } from '../../../src/inject/inject.ts'
import type { Diagnostic, Warning } from '../../../src/reasons.ts'

const uid = 'a-uid'
const hash = '0123456789abcdef'
const injected: Injected = {
  outcome: 'injected',
  reason: 'Injected',
  pod: { spec: { containers: [] } },
  warnings: [],
  rules: [],
  patch: [{ op: 'add', path: '/spec/volumes', value: [{ name: 'mödel \ud83d\ude80' }] }],
  models: [{ name: 'model', source: 's3://models/llama/', delivery: 'download' }],
}

function answer(outcome: Outcome, object: unknown = {}): AdmissionReview {
  return respond({ request: { uid, object }, outcome, configHash: hash, annotationPrefix: 'models.example.io/' })
}

t.test('a skipped pod is allowed without a patch, and the audit log gets the reason', (t) => {
  t.strictSame(answer({ outcome: 'skipped', reason: 'OptedOut', warnings: [] }), {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    response: {
      uid,
      allowed: true,
      auditAnnotations: { decision: 'skipped', reason: 'OptedOut', 'config-hash': hash },
    },
  })
  t.end()
})

t.test('an injected pod is allowed with its patch in base64', (t) => {
  const { response } = answer(injected)
  const { patch, ...rest } = response
  t.strictSame(rest, {
    uid,
    allowed: true,
    patchType: 'JSONPatch',
    auditAnnotations: { decision: 'injected', reason: 'Injected', 'config-hash': hash, sources: 's3://models/llama/' },
  })
  t.strictSame(JSON.parse(Buffer.from(patch!, 'base64').toString()), injected.patch)
  t.end()
})

t.test('several sources and rules are comma lists', (t) => {
  const models = [...injected.models, { name: 'lora', source: 's3://models/lora/', delivery: 'download' }]
  const { auditAnnotations } = answer({ ...injected, models, rules: ['team-a', 'shared'] }).response
  t.match(auditAnnotations, { sources: 's3://models/llama/,s3://models/lora/', rule: 'team-a,shared' })
  t.end()
})

t.test(
  "a denied pod's sources are recorded as its author wrote them, and the rules that refused it where they are known",
  (t) => {
    const annotations = {
      'models.example.io/source.b': 's3://b/',
      'models.example.io/source': 'ftp://a',
      'models.example.io/size': '1Gi',
      'models.example.io/sources': 'x',
      'models.example.io/source.c': 3,
    }
    const outcome = { ...denied(diagnostic('spec.a')), rules: ['team-a', 'team-b'] }
    t.strictSame(answer(outcome, { metadata: { annotations } }).response.auditAnnotations, {
      decision: 'denied',
      reason: 'InvalidAnnotation',
      'config-hash': hash,
      sources: 'ftp://a,s3://b/',
      rule: 'team-a,team-b',
    })
    for (const object of [null, {}, { metadata: null }, { metadata: { annotations: 'x' } }]) {
      t.equal(answer(outcome, object).response.auditAnnotations.sources, undefined)
    }
    t.end()
  },
)

t.test('values for the audit log', (t) => {
  const sourcesOf = (source: string): string =>
    auditOf({ ...injected, models: [{ name: 'model', source, delivery: 'download' }] }).sources!

  t.test('of 2048 bytes are whole', (t) => {
    t.equal(sourcesOf('s'.repeat(longestAuditValueBytes)), 's'.repeat(2048))
    t.end()
  })
  t.test('that are longer are cut with a mark, and never inside a character', (t) => {
    t.equal(sourcesOf('s'.repeat(2049)), `${'s'.repeat(2045)}…`)
    t.equal(sourcesOf('é'.repeat(2000)), `${'é'.repeat(1022)}…`)
    t.equal(sourcesOf(`s${'🚀'.repeat(2000)}`), `s${'🚀'.repeat(511)}…`)
    t.equal(sourcesOf('é'.repeat(1024)), 'é'.repeat(1024))
    t.end()
  })
  t.test('have no control characters and no halves of characters', (t) => {
    t.equal(sourcesOf('a\nb\u0000c\ud800'), 'a b c\ufffd')
    t.end()
  })
  t.test('stay small for a hostile pod', (t) => {
    const annotations = Object.fromEntries(
      Array.from({ length: 5000 }, (_, i) => [`models.example.io/source.m${i}`, 's3://b/']),
    )
    t.ok(
      Buffer.byteLength(
        answer(denied(diagnostic('x')), { metadata: { annotations } }).response.auditAnnotations.sources!,
      ) <= 2048,
    )
    t.end()
  })
  t.end()
})

t.test('no key of an audit annotation has a slash, which the API server would drop', (t) => {
  const { auditAnnotations } = answer({ ...injected, rules: ['team-a'] }).response
  t.strictSame(
    Object.keys(auditAnnotations).filter((key) => key.includes('/')),
    [],
  )
  t.end()
})

t.test('an empty patch is left out, with its type', (t) => {
  const { response } = answer({ ...injected, patch: [] })
  t.strictSame(Object.keys(response), ['uid', 'allowed', 'auditAnnotations'])
  t.end()
})

t.test('a denied pod gets all diagnostics in one message, one line each, and no details', (t) => {
  const { response } = answer(denied(diagnostic('spec.a'), diagnostic('spec.b')))
  t.strictSame(response, {
    uid,
    allowed: false,
    status: {
      code: 422,
      reason: 'Invalid',
      message: 'model-injector: 2 problems\nspec.a: "x" is bad\nspec.b: "x" is bad',
    },
    auditAnnotations: { decision: 'denied', reason: 'InvalidAnnotation', 'config-hash': hash },
  })
  t.end()
})

t.test('one problem is called one problem', (t) => {
  const { status } = answer(denied(diagnostic('spec.a'))).response
  t.equal(status?.message.split('\n')[0], 'model-injector: 1 problem')
  t.end()
})

t.test('problems that are not described are counted by their reason', (t) => {
  const omitted = { UnknownContainer: 897, MountConflict: 3 }
  const { message } = answer({ ...denied(diagnostic('spec.a')), omitted }).response.status!
  t.strictSame(message.split('\n'), [
    'model-injector: 901 problems',
    'spec.a: "x" is bad',
    'and 900 more, not described: 897 UnknownContainer, 3 MountConflict',
  ])
  t.end()
})

t.test('a denial carries its warnings', (t) => {
  const { warnings } = answer({ ...denied(diagnostic('spec.a')), warnings: [warning('look out')] }).response
  t.strictSame(warnings, ['look out'])
  t.end()
})

t.test('warnings', (t) => {
  const textOf = (message: string): string =>
    answer({ ...injected, warnings: [warning(message)] }).response.warnings![0]!

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

function auditOf(outcome: Outcome): AuditAnnotations {
  return answer(outcome).response.auditAnnotations
}

function warning(message: string): Warning {
  return { reason: 'NoSize', message }
}

function diagnostic(field: string): Diagnostic {
  return { reason: 'InvalidAnnotation', field, found: 'x', problem: 'is bad' }
}

function denied(first: Diagnostic, ...rest: Diagnostic[]): Denied {
  return { outcome: 'denied', reason: first.reason, diagnostics: [first, ...rest], warnings: [], rules: [] }
}
