import t from 'tap'
import { defaultConfig, parseConfig } from '../../../src/config/parse-config.ts'
import type { PolicyRule } from '../../../src/config/policy.ts'
import { inject } from '../../../src/inject/inject.ts'
import { evaluatePodPolicy } from '../../../src/inject/evaluate-pod-policy.ts'
import { podWith } from '../../kit/webhook/pods.ts'

type Rule = Omit<PolicyRule, 'name' | 'namespaces' | 'maxSizeBytes'> & {
  name?: string
  namespaces?: readonly string[]
  maxSize?: string
}

/** The problem of the denial, or the rules that allowed it. */
function verdict(rules: readonly Rule[], annotations: Record<string, string>, namespace = 'team-a'): unknown {
  const result = parseConfig(
    JSON.stringify({ policy: { rules: rules.map((rule) => ({ name: 'rule', namespaces: ['team-*'], ...rule })) } }),
  )
  if (!result.ok) throw new Error(result.problems.join('\n'))
  const outcome = inject(
    podWith({ source: 's3://models/llama/', ...annotations }, { serviceAccountName: 'own' }),
    namespace,
    result.config,
  )
  if (outcome.outcome === 'injected') return outcome.rules
  return outcome.outcome === 'denied'
    ? outcome.diagnostics.map(({ reason, problem }) => `${reason} ${problem}`)
    : outcome.reason
}

t.test('without rules everything is allowed but an image of the pod and node://', (t) => {
  t.strictSame(verdict([], { endpoint: 'https://anywhere.example.com', 'service-account': 'any', size: '5Ti' }), [])
  t.strictSame(verdict([], { image: 'evil:1' }), [
    `NotAllowed is not allowed without a rule of the operator's policy: the image "evil:1"`,
  ])
  t.match(verdict([], { source: 'node:///opt/models' }), [
    `NotAllowed is not allowed without a rule of the operator's policy: the source "node:///opt/models"`,
  ])
  t.end()
})

t.test('a rule that allows the source allows paying for it, and any addressing', (t) => {
  const choices = { 'requester-pays': 'true', addressing: 'path' }
  t.strictSame(verdict([{ sources: ['s3://models/*'] }], choices), ['rule'])
  t.match(verdict([{ sources: ['s3://models/*'] }], { ...choices, source: 's3://other/x/' }), [/the source/])
  t.end()
})

t.test('with any rule, a namespace that none is about gets nothing', (t) => {
  t.strictSame(verdict([{}], {}, 'other'), [
    `NotAllowed is not allowed: no rule of the operator's policy is about the namespace "other"`,
  ])
  t.strictSame(verdict([{}], {}, 'my-team-a'), [
    `NotAllowed is not allowed: no rule of the operator's policy is about the namespace "my-team-a"`,
  ])
  t.strictSame(verdict([{}], {}), ['rule'])
  t.end()
})

const attributes: readonly [
  rule: Rule,
  allowed: Record<string, string>,
  refused: Record<string, string>,
  words: string,
][] = [
  [{ sources: ['s3://models/*'] }, {}, { source: 's3://other/x/' }, 'the source "s3://other/x/"'],
  [
    { sources: ['s3://models/llama/'] },
    { source: 's3://models/llama/*' },
    { source: 's3://models/llama/x' },
    'the source "s3://models/llama/x"',
  ],
  [
    { endpoints: ['https://*.corp'] },
    { endpoint: 'https://s3.corp' },
    { endpoint: 'https://evil' },
    'the endpoint "https://evil"',
  ],
  [{ endpoints: ['https://*.corp'] }, {}, { endpoint: 'http://s3.corp' }, 'the endpoint "http://s3.corp"'],
  [
    { credentials: ['pod-identity', 'secret/s3-*'] },
    { credentials: 'secret/s3-a' },
    { credentials: 'secret/admin' },
    'the credentials "secret/admin"',
  ],
  [{ credentials: ['irsa'] }, { credentials: 'irsa' }, {}, 'the credentials "pod-identity"'],
  [
    { serviceAccounts: ['own', 'model-*'] },
    { 'service-account': 'model-reader' },
    { 'service-account': 'admin' },
    'the service account "admin"',
  ],
  [{ serviceAccounts: ['model-*'] }, { 'service-account': 'model-reader' }, {}, 'the service account "own"'],
  [{ deliveries: ['download'] }, {}, { source: 'pvc://claim' }, 'the delivery claim'],
  [{ mountPaths: ['/models/*'] }, {}, { 'mount-path': '/srv/x' }, 'the mount path "/srv/x"'],
  [{ images: ['corp/*'] }, { image: 'corp/loader:1' }, { image: 'evil:1' }, 'the image "evil:1"'],
  [{}, {}, { image: 'evil:1' }, 'the image "evil:1"'],
  [{ maxSize: '10Gi' }, { size: '10Gi' }, { size: '10241Mi' }, 'a size over 10Gi'],
  [{ maxSize: '10Gi' }, { size: '1' }, {}, 'a model without size (at most 10Gi)'],
  [
    { sources: ['node:///opt/*'] },
    { source: 'node:///opt/x' },
    { source: 'node:///etc/x' },
    'the source "node:///etc/x"',
  ],
]

for (const [rule, allowed, refused, words] of attributes) {
  t.test(`a rule with ${JSON.stringify(rule)} does not allow ${words}`, (t) => {
    const denials = verdict([rule], refused)
    t.match(denials, [`NotAllowed is not allowed by the operator's policy: rule "rule" does not allow ${words}`])
    t.strictSame(verdict([rule], allowed), ['rule'], 'but allows what it lists')
    t.end()
  })
}

t.test('a mounted model has no credentials, endpoint or size that a rule could refuse', (t) => {
  const rule: Rule = {
    credentials: ['irsa'],
    endpoints: ['https://*.corp'],
    maxSize: '1Gi',
    deliveries: ['claim', 'mountpoint'],
  }
  t.strictSame(verdict([rule], { source: 'pvc://models/llama' }), ['rule'])
  t.strictSame(verdict([rule], { delivery: 'mountpoint' }), ['rule'])
  t.match(verdict([rule], {}), [
    / does not allow the credentials "pod-identity", the delivery download, a model without size/,
  ])
  t.end()
})

t.test('the account, the path and the source of what is only mounted are judged as any', (t) => {
  const rule: Rule = { serviceAccounts: ['model-*'], mountPaths: ['/models/*'], sources: ['pvc://models/*'] }
  t.match(verdict([rule], { source: 'pvc://others/llama', 'mount-path': '/srv/x' }), [
    / does not allow the source "pvc:\/\/others\/llama", the service account "own", the mount path "\/srv\/x"$/,
  ])
  t.strictSame(verdict([rule], { source: 'pvc://models/llama', 'service-account': 'model-reader' }), ['rule'])
  t.end()
})

t.test('a denial of a model that rules must list says how an operator allows it', (t) => {
  const remedy = (text: string, annotations: Record<string, string>): unknown => {
    const config = parseConfig(text)
    const outcome = inject(
      podWith({ source: 's3://models/llama/', ...annotations }),
      'team-a',
      config.ok ? config.config : defaultConfig,
    )
    return outcome.outcome === 'denied' ? outcome.diagnostics.map((diagnostic) => diagnostic.remedy) : outcome.reason
  }
  const rest = '; from the first rule on, everything else needs one, too'
  t.strictSame(remedy('', { source: 'node:///opt/x' }), [
    `an operator allows it by a rule that lists it under sources${rest}`,
  ])
  t.strictSame(remedy('', { image: 'a:1' }), [`an operator allows it by a rule that lists it under images${rest}`])
  t.strictSame(remedy('', { source: 'node:///opt/x', image: 'a:1' }), [
    `an operator allows it by a rule that lists it under sources and images${rest}`,
  ])
  t.strictSame(remedy('policy: {rules: [{name: a, namespaces: ["*"]}]}', { source: 'node:///opt/x' }), [
    'a rule allows node:// only by patterns that begin with it',
  ])
  t.strictSame(
    remedy('policy: {rules: [{name: a, namespaces: ["*"], sources: ["node:///etc/*"]}]}', { source: 'node:///opt/x' }),
    [undefined],
  )
  t.end()
})

t.test('a star in a list of sources was written for buckets, and allows no directory of the node', (t) => {
  const node = { source: 'node:///etc' }
  t.match(verdict([{ sources: ['*'] }], node), [/does not allow the source "node:\/\/\/etc"/])
  t.match(verdict([{ sources: ['n*'] }], node), [/does not allow the source/])
  t.match(verdict([{ sources: ['node:///opt/*'] }], node), [/does not allow the source/])
  t.strictSame(verdict([{ sources: ['*', 'node:///opt/*'] }], { source: 'node:///opt/llama' }), ['rule'])
  t.end()
})

t.test('a claim of the choice of a pod needs a rule that lists it, beside a list of sources', (t) => {
  const mounted = { delivery: 'mountpoint' }
  const sources = ['s3://models/*']
  t.strictSame(verdict([{ sources }], mounted), ['rule'], 'the claim that is named by the source')
  t.match(verdict([{ sources }], { ...mounted, claim: 'other' }), [/does not allow the claim "other"/])
  t.strictSame(verdict([{ sources, claims: ['oth*'] }], { ...mounted, claim: 'other' }), ['rule'])
  t.match(verdict([{ sources, claims: ['oth*'] }], mounted), [/does not allow the claim "mp-[0-9a-f]{16}"/])
  t.strictSame(verdict([{ sources: [...sources, 'pvc://other'] }], { ...mounted, claim: 'other' }), ['rule'])
  t.strictSame(verdict([{}], { ...mounted, claim: 'other' }), ['rule'])
  t.match(verdict([{ claims: ['oth*'] }], { source: 'pvc://data/llama' }), [/does not allow the claim "data"/])
  t.end()
})

t.test('a rule may ask for models of fixed content', (t) => {
  const manifest = `manifest=SHA256SUMS@sha256:${'a'.repeat(64)}`
  const rules = [{ requirePinned: true, sources: ['*', 'node://*'] }]
  for (const annotations of [
    {},
    { expect: 'objects=2,bytes=100' },
    { delivery: 'mountpoint' },
    { source: 'pvc://data/llama' },
    { source: 'node:///opt/llama', expect: 'objects=1' },
  ]) {
    t.match(verdict(rules, annotations), [/a model whose content nothing fixes/], JSON.stringify(annotations))
  }
  for (const annotations of [
    { expect: manifest },
    { source: 'pvc://data/llama', expect: manifest },
    { source: 'node:///opt/llama', expect: manifest },
  ]) {
    t.strictSame(verdict(rules, annotations), ['rule'], JSON.stringify(annotations))
  }
  t.end()
})

t.test('one rule has to allow everything: two halves are no permission', (t) => {
  const halves: Rule[] = [
    { name: 'a', sources: ['s3://models/*'], credentials: ['irsa'] },
    { name: 'b', sources: ['s3://other/*'] },
  ]
  t.strictSame(verdict(halves, {}), [
    `NotAllowed is not allowed by the operator's policy: rule "a" does not allow the credentials "pod-identity"; rule "b" does not allow the source "s3://models/llama/"`,
  ])
  t.strictSame(verdict(halves, { credentials: 'irsa' }), ['a'])
  t.end()
})

t.test('each model is judged for itself, and the rules that allowed them are named once', (t) => {
  const rules: Rule[] = [
    { name: 'llama', sources: ['s3://models/llama/*'] },
    { name: 'small', maxSize: '1Gi' },
  ]
  t.strictSame(verdict(rules, { 'source.b': 's3://models/llama/b/', 'source.c': 's3://other/y/', 'size.c': '1Gi' }), [
    'llama',
    'small',
  ])
  t.match(verdict(rules, { 'source.c': 's3://other/y/' }), [
    /^NotAllowed .*rule "small" does not allow a model without size/,
  ])
  t.end()
})

t.test('a denial names the rules about the namespace that all refused it, each once', (t) => {
  const outcome = (rules: readonly object[], annotations: Record<string, string>): unknown => {
    const config = parseConfig(JSON.stringify({ policy: { rules } }))
    const result = inject(
      podWith({ source: 's3://other/x/', ...annotations }),
      'team-a',
      config.ok ? config.config : defaultConfig,
    )
    return result.outcome === 'denied' ? [result.reason, result.rules] : result.outcome
  }
  const [a, b] = [
    { name: 'a', namespaces: ['team-*'], sources: ['s3://models/*'] },
    { name: 'b', namespaces: ['team-a'], maxSize: '1Gi' },
  ]
  t.strictSame(outcome([a, b, { name: 'c', namespaces: ['other'] }], { 'source.two': 's3://other/y/' }), [
    'NotAllowed',
    ['a', 'b'],
  ])
  t.strictSame(outcome([{ ...a, namespaces: ['other'] }], {}), ['NotAllowed', []], 'none is about the namespace')
  t.strictSame(
    outcome([a], { sise: '1Gi' }),
    ['UnknownAnnotation', []],
    'policy findings about a misread pod are left out',
  )
  t.end()
})

/** The outcome of a pod in namespace team-a, and the messages of the policy. */
function tried(policy: object, annotations: Record<string, string>): unknown {
  const result = parseConfig(JSON.stringify({ policy }))
  if (!result.ok) throw new Error(result.problems.join('\n'))
  const download = { source: 's3://models/llama/', size: '2Gi' }
  const outcome = inject(
    podWith('source' in annotations ? annotations : { ...download, ...annotations }),
    'team-a',
    result.config,
  )
  return [
    outcome.outcome,
    ...outcome.warnings.filter(({ reason }) => reason === 'PolicyWouldDeny').map(({ message }) => message),
  ]
}

t.test('in audit mode, a model that all rules refuse is allowed with a warning that names the rules', (t) => {
  const rules = [
    { name: 'a', namespaces: ['team-*'], sources: ['s3://a/*'] },
    { name: 'b', namespaces: ['team-*'], maxSize: '1Gi' },
  ]
  t.strictSame(tried({ mode: 'audit', rules }, {}), [
    'injected',
    'the policy would deny model: rule "a" does not allow the source "s3://models/llama/"; rule "b" does not allow a size over 1Gi',
  ])
  t.strictSame(tried({ mode: 'audit', rules: [{ name: 'c', namespaces: ['other'] }] }, {}), [
    'injected',
    'the policy would deny model: no rule is about the namespace "team-a"',
  ])
  t.strictSame(tried({ mode: 'audit', rules }, { size: '1Gi' }), ['injected'])
  t.strictSame(tried({ mode: 'enforce', rules }, {}), ['denied'])
  t.strictSame(tried({ rules }, {}), ['denied'], 'a policy is enforced unless it says otherwise')
  t.end()
})

t.test('a policy is put into force namespace by namespace', (t) => {
  const rules = [{ name: 'a', namespaces: ['*'], sources: ['s3://a/*'] }]
  t.match(tried({ mode: 'audit', enforceNamespaces: ['team-*'], rules }, {}), ['denied'])
  t.match(tried({ mode: 'audit', enforceNamespaces: ['other'], rules }, {}), ['injected', /would deny/])
  t.match(tried({ mode: 'enforce', auditNamespaces: ['team-?'], rules }, {}), ['injected', /would deny/])
  t.match(tried({ auditNamespaces: ['other'], rules }, {}), ['denied'])
  t.end()
})

t.test(
  'audit mode takes away no protection: directories of the node and images need a rule that lists them all the same',
  (t) => {
    const node = { source: 'node:///opt/x' }
    const [silent, wrong] = [
      { name: 'a', namespaces: ['team-*'] },
      { name: 'b', namespaces: ['team-*'], deliveries: ['download'] },
    ]
    t.strictSame(tried({ mode: 'audit', rules: [silent, wrong] }, node), ['denied'])
    t.strictSame(tried({ mode: 'audit', rules: [{ ...wrong, sources: ['node:///etc/*'] }] }, node), ['denied'])
    t.strictSame(
      tried({ mode: 'audit', rules: [{ ...wrong, namespaces: ['other'], sources: ['node:///opt/*'] }] }, node),
      ['denied'],
      'a rule about other namespaces lists it',
    )
    t.match(tried({ mode: 'audit', rules: [{ ...wrong, sources: ['node:///opt/*'] }] }, node), [
      'injected',
      /"b" does not allow the delivery node/,
    ])
    t.strictSame(tried({ mode: 'audit' }, node), ['denied'], 'without rules')
    t.strictSame(tried({ mode: 'audit', rules: [silent] }, { image: 'evil:1' }), ['denied'])
    t.match(
      tried({ mode: 'audit', rules: [{ ...silent, images: ['corp/*'], maxSize: '1Gi' }] }, { image: 'corp/a:1' }),
      ['injected', /a size over 1Gi/],
    )
    t.strictSame(tried({ mode: 'audit', rules: [silent] }, {}), ['injected'])
    t.end()
  },
)

t.test('a pod is judged by the policy as it was before it was injected', (t) => {
  const pod = podWith({ source: 's3://models/llama/', 'source.b': 's3://other/x/' })
  const injected = inject(pod, 'team-a', defaultConfig)
  if (injected.outcome !== 'injected') throw new Error(injected.reason)
  const rules = [
    { name: 'wide', namespaces: ['*'], sources: ['s3://models/*'] },
    { name: 'narrow', namespaces: ['team-a'], sources: ['s3://models/llama/'] },
  ]
  const config = parseConfig(JSON.stringify({ policy: { rules } }))
  if (!config.ok) throw new Error(config.problems.join())
  const verdict = evaluatePodPolicy(injected.pod, 'team-a', config.config)
  t.strictSame(verdict, evaluatePodPolicy(pod, 'team-a', config.config))
  t.match(verdict, {
    state: 'judged',
    mode: 'enforce',
    models: [
      { name: 'model', verdict: 'allowed', allowedBy: 'wide', allowing: ['wide', 'narrow'] },
      { name: 'b', verdict: 'denied', refusedBy: ['wide', 'narrow'], allowing: [] },
    ],
  })
  t.match(evaluatePodPolicy(podWith({ source: 's3://models/llama/', sise: '1' }), 'team-a', config.config), {
    state: 'invalid',
    diagnostics: [{ reason: 'UnknownAnnotation' }],
  })
  t.strictSame(evaluatePodPolicy(podWith({}), 'team-a', config.config), { state: 'skipped', reason: 'NotAnnotated' })
  t.end()
})
