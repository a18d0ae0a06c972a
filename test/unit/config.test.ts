import fc from 'fast-check'
import t from 'tap'
import { annotationNames, annotations } from '../../src/annotations.ts'
import type { Config } from '../../src/config/config.ts'
import { fileProblems } from '../../src/config/problems.ts'
import { deliveries } from '../../src/values/source.ts'
import { defaultConfig, parseConfig, defaultConfigWith, withImage } from '../../src/config/parse-config.ts'

function problemsOf(text: string): readonly string[] {
  const result = parseConfig(text)
  return result.ok ? [] : result.problems
}

function read(text: string): Config {
  const result = parseConfig(text)
  if (!result.ok) throw new Error(result.problems.join('\n'))
  return result.config
}

t.test('an empty file is the default configuration', (t) => {
  for (const text of ['', '\n', '# nothing\n', '{}', 'null', '---\n']) {
    t.strictSame(read(text), defaultConfig, JSON.stringify(text))
  }
  t.end()
})

t.test('a whole file is read', (t) => {
  const config = read(`
annotationPrefix: ml.example.com/
defaults:
  cpu: 4
  read-only: false
  mount-path: /mnt/NAME/files
sidecars: [proxy]
unknownAnnotations: warn
openshift: true
allowWholeBucket: true
requireChecksums: true
podIdentity:
  uri: http://[fd00:ec2::23]/v1/credentials
loader:
  imagePullPolicy: Always
  imagePullSecrets: [registry]
  reuse: trust-own
  env:
    HTTPS_PROXY: http://proxy:3128
cluster:
  version: v1.36.2-eks-1a2b3c4
mountpoint:
  headroomGate: true
limits:
  models: 4
policy:
  rules:
    - name: team
      namespaces: [team-*]
      sources: ['s3://team/*']
      maxSize: 50Gi
`)
  const { hash, defaults, ...rest } = config
  t.match(hash, /^[0-9a-f]{16}$/)
  t.match(defaults, { cpu: '4', 'read-only': 'false', 'mount-path': '/mnt/NAME/files', memory: '512Mi' })
  t.strictSame(rest, {
    annotationPrefix: 'ml.example.com/',
    sidecars: ['proxy'],
    unknownAnnotations: 'warn',
    openshift: true,
    allowWholeBucket: true,
    requireChecksums: true,
    ownership: { allowedEnv: [], imageMirrors: [] },
    podIdentity: { uri: 'http://[fd00:ec2::23]/v1/credentials' },
    loader: {
      imagePullPolicy: 'Always',
      imagePullSecrets: ['registry'],
      reuse: 'trust-own',
      env: { HTTPS_PROXY: 'http://proxy:3128' },
    },
    cluster: { version: 'v1.36.2-eks-1a2b3c4' },
    mountpoint: { headroomGate: true },
    limits: { models: 4, annotations: 512, modelContainerPairs: 1024, patchBytes: 1048576 },
    policy: { rules: [{ name: 'team', namespaces: ['team-*'], sources: ['s3://team/*'], maxSizeBytes: 50 * 2 ** 30 }] },
  })
  t.end()
})

t.test("the webhook's own image is that of loaders, unless the file names another", (t) => {
  const imageOf = (text: string, image?: string): unknown => {
    const result = parseConfig(text, image)
    return result.ok ? result.config.defaults.image : result.problems
  }
  t.equal(imageOf('', 'own:1'), 'own:1')
  t.equal(imageOf('defaults: {cpu: 1}', 'own:1'), 'own:1')
  t.equal(imageOf('defaults: {image: "operator:1"}', 'own:1'), 'operator:1')
  t.equal(imageOf(''), defaultConfig.defaults.image)
  t.equal(defaultConfigWith('own:1').defaults.image, 'own:1')
  t.end()
})

t.test('the hash is that of what holds, wherever the image is named', (t) => {
  const named = parseConfig('defaults: {image: "own:1"}')
  const told = parseConfig('', 'own:1')
  t.ok(named.ok && told.ok && named.config.hash === told.config.hash)
  t.strictSame(withImage(defaultConfig, 'own:1'), told.ok && told.config)
  t.not(told.ok && told.config.hash, defaultConfig.hash)
  t.end()
})

t.test('keys that a section leaves out keep their defaults', (t) => {
  t.strictSame(read('loader: {imagePullPolicy: Never}').loader, {
    imagePullPolicy: 'Never',
    imagePullSecrets: [],
    env: {},
  })
  t.equal(read('defaults: {cpu: 1}').defaults.memory, defaultConfig.defaults.memory)
  t.end()
})

const mistakes: readonly [text: string, problems: readonly string[]][] = [
  [
    'sidecar: [a]',
    [
      'sidecar: unknown key, did you mean sidecars?; known: annotationPrefix, defaults, sidecars, customResources, unknownAnnotations, openshift, allowWholeBucket, requireChecksums, ownership, podIdentity, loader, cluster, mountpoint, limits, policy',
    ],
  ],
  [
    'loader: {imagepullpolicy: Always}',
    [
      'loader.imagepullpolicy: unknown key, did you mean imagePullPolicy?; known: s5cmdPath, imagePullPolicy, imagePullSecrets, env, proxy, reuse, caCertificates',
    ],
  ],
  [
    'loader: {s5cmdImage: "peakcom/s5cmd:v2.3.0"}',
    [
      "loader.s5cmdImage: is no more: the loader runs the program s5cmd in the product's own image; remove the key, and set loader.s5cmdPath where an image of your own has the program elsewhere",
    ],
  ],
  ['loader: {s5cmdPath: s5cmd}', ['loader.s5cmdPath: must match pattern "^/."']],
  ['loader: {s5cmdPath: /opt/../s5cmd}', ['loader.s5cmdPath: "/opt/../s5cmd" has an empty, "." or ".." segment']],
  [
    'policy: {rules: [{name: a, namespaces: ["*"], source: ["x"]}]}',
    [
      'policy.rules[0].source: unknown key, did you mean sources?; known: name, namespaces, sources, endpoints, credentials, serviceAccounts, claims, deliveries, mountPaths, images, maxSize, requirePinned',
    ],
  ],
  [
    'entirelyDifferent: 1',
    [
      'entirelyDifferent: unknown key; known: annotationPrefix, defaults, sidecars, customResources, unknownAnnotations, openshift, allowWholeBucket, requireChecksums, ownership, podIdentity, loader, cluster, mountpoint, limits, policy',
    ],
  ],
  [
    '__proto__: {openshift: true}',
    [
      '__proto__: unknown key; known: annotationPrefix, defaults, sidecars, customResources, unknownAnnotations, openshift, allowWholeBucket, requireChecksums, ownership, podIdentity, loader, cluster, mountpoint, limits, policy',
    ],
  ],
  ['[]', ['the configuration: must be object']],
  ['text', ['the configuration: must be object']],
  ['policy:', ['policy: must be object']],
  ['openshift: "yes"', ['openshift: must be boolean']],
  ['unknownAnnotations: ignore', ['unknownAnnotations: must be one of deny, warn']],
  [
    'loader: {imagePullPolicy: always}',
    ['loader.imagePullPolicy: must be one of Always, IfNotPresent, Never; did you mean Always?'],
  ],
  ['allowWholeBucket: "yes"', ['allowWholeBucket: must be boolean']],
  ['requireChecksums: 1', ['requireChecksums: must be boolean']],
  ['loader: {reuse: always}', ['loader.reuse: must be one of verify, trust-own']],
  ['loader: {env: {MODEL_SOURCE: x}}', ['loader.env: the name "MODEL_SOURCE" is not allowed']],
  [
    'loader: {env: {NODE_EXTRA_CA_CERTS: /ca.crt}}',
    [
      'loader.env: the name "NODE_EXTRA_CA_CERTS" is not allowed: the start of the loader drops it; authorities are loader.caCertificates, a proxy is loader.proxy',
    ],
  ],
  ['loader: {env: {"A B": x}}', ['loader.env: the name "A B" is not allowed']],
  ['loader: {env: {A: 1}}', ['loader.env.A: must be string; write it in quotes']],
  ['cluster: {version: 1.40}', ['cluster.version: must be string; write it in quotes']],
  [
    'cluster: {version: latest}',
    ['cluster.version: "latest" is not the version of a cluster; accepted: as 1.36 or v1.36.2-eks-1a2b3c4'],
  ],
  [`cluster: {version: "${'1'.repeat(65)}"}`, ['cluster.version: has 65 characters, more than the 64 it may have']],
  ['cluster: {versions: "1.36"}', ['cluster.versions: unknown key, did you mean version?; known: version']],
  ['mountpoint: {headroomGate: "true"}', ['mountpoint.headroomGate: must be boolean']],
  [
    'mountpoint: {headroom: true}',
    ['mountpoint.headroom: unknown key, did you mean headroomGate?; known: headroomGate'],
  ],
  [
    'policy: {rules: [{name: a, namespaces: [x], deliveries: [claim, "mount*", pvc]}]}',
    [`policy.rules[0].deliveries[2]: "pvc" matches no delivery; there are ${deliveries.join(', ')}`],
  ],
  ['policy: {rules: [{name: a}]}', ["policy.rules[0]: must have required property 'namespaces'"]],
  ['policy: {rules: [{name: a, namespaces: []}]}', ['policy.rules[0].namespaces: must NOT have fewer than 1 items']],
  [
    'policy: {rules: [{name: a, namespaces: [x], maxSize: 5XB}]}',
    ['policy.rules[0].maxSize: "5XB" is not a Kubernetes quantity'],
  ],
  [
    'policy: {rules: [{name: a, namespaces: [x]}, {name: a, namespaces: [y]}]}',
    ['policy.rules[1].name: "a" names another rule already'],
  ],
  ['defaults: {memroy: 1Gi}', [`defaults.memroy: is no annotation, did you mean memory?`]],
  [
    'defaults: {source: s3://a/b/}',
    [
      `defaults.source: has no default that an operator can set; those that have: ${annotationNames.filter((name) => annotations[name].operator).join(', ')}`,
    ],
  ],
  ['defaults: {toString: x}', ['defaults.toString: is no annotation']],
]

for (const [text, problems] of mistakes) {
  t.test(`${text} is refused with its path`, (t) => {
    t.strictSame(problemsOf(text), problems)
    t.end()
  })
}

t.test('the prefix and the address of the Pod Identity agent are held to their forms', (t) => {
  for (const prefix of ['models.example.io', '/', 'A/', 'a b/', '-a/', 'a-/', 'a/b/', '', `${'a'.repeat(249)}/`]) {
    t.match(
      problemsOf(`annotationPrefix: ${JSON.stringify(prefix)}`),
      [/^annotationPrefix: must match pattern/],
      prefix,
    )
  }
  for (const uri of [
    'http://169.254.169.254/latest',
    'https://169.254.170.23/v1/credentials',
    'http://evil/v1/credentials',
  ]) {
    t.match(problemsOf(`podIdentity: {uri: ${uri}}`), [/^podIdentity\.uri: must match pattern/], uri)
  }
  t.end()
})

t.test('every default is read by the parser of its annotation', (t) => {
  for (const name of annotationNames.filter((candidate) => annotations[candidate].operator)) {
    const { parse, accepted } = annotations[name]
    const refused = ['', 'a b', '\u{1F4BE}'].filter((value) => !parse(value).ok)
    t.ok(refused.length > 1, name)
    for (const value of refused) {
      const result = parse(value)
      t.strictSame(
        problemsOf(JSON.stringify({ defaults: { [name]: value } })),
        [`defaults.${name}: ${JSON.stringify(value)} ${result.ok ? '' : result.problem}; accepted: ${accepted}`],
        name,
      )
    }
  }
  t.strictSame(problemsOf('defaults: {mount-path: /mnt/NAME}'), [])
  t.end()
})

t.test('names of rules are compared in one pass, however many rules there are', (t) => {
  let reads = 0
  const rules = Array.from({ length: 1000 }, (_, i) => ({
    get name(): string {
      reads++
      return `rule-${i}`
    },
    namespaces: ['x'],
  }))
  t.strictSame(fileProblems({ policy: { rules } }), [])
  t.ok(reads >= rules.length && reads <= 3 * rules.length, `${reads} reads`)
  t.end()
})

t.test('the built-in defaults pass the same parsers', (t) => {
  t.strictSame(problemsOf(JSON.stringify({ defaults: defaultConfig.defaults })), [])
  t.end()
})

t.test('all mistakes of a file come in one answer', (t) => {
  t.strictSame(
    problemsOf('openshift: 1\nunknownAnnotations: x\nsidecars: 5\nxyz: 1')
      .map((problem) => problem.split(':')[0])
      .sort(),
    ['openshift', 'sidecars', 'unknownAnnotations', 'xyz'],
  )
  t.strictSame(
    problemsOf('defaults: {cpu: none, memory: none}\npolicy: {rules: [{name: a, namespaces: [x], maxSize: z}]}').map(
      (problem) => problem.split(':')[0],
    ),
    ['defaults.cpu', 'defaults.memory', 'policy.rules[0].maxSize'],
  )
  t.end()
})

t.test('text that is no YAML, or made to exhaust the reader, is a problem and no exception', (t) => {
  const levels = Array.from(
    { length: 9 },
    (_, i) => `l${i + 1}: &l${i + 1} [${Array.from({ length: 9 }, () => `*l${i}`).join(', ')}]`,
  )
  const bomb = ['l0: &l0 [x, x, x, x, x, x, x, x, x]', ...levels].join('\n')
  for (const text of ['a: [', 'a: b: c', '\t- x', 'a: 1\na: 2', '--- 1\n--- 2', bomb, 'sidecars: *nowhere', '\u0000']) {
    const [problem = ''] = problemsOf(text)
    t.match(
      problem,
      /^(not readable as YAML: |the configuration: must be object)/,
      `${text.slice(0, 30)}: ${problem.slice(0, 60)}`,
    )
  }
  t.end()
})

t.test('what is nested too deeply is one problem, and says so', (t) => {
  const tooDeep = ['not readable as YAML: it is nested too deeply']
  t.strictSame(problemsOf('['.repeat(20_000)), tooDeep)
  t.strictSame(problemsOf(`${'{"a":'.repeat(3000)}1${'}'.repeat(3000)}`), tooDeep)
  t.end()
})

t.test('a hundred mistakes are described, and the rest is counted', (t) => {
  const rules = Array.from({ length: 150 }, () => 'x')
  const problems = problemsOf(JSON.stringify({ policy: { rules } }))
  t.equal(problems.length, 101)
  t.match(problems.at(-1), /^and \d+ more$/)
  t.end()
})

t.test('keys of a file write nothing to a terminal, and are not repeated as a whole', (t) => {
  t.match(problemsOf('"\\e[31m": 1'), [/^\\u001b\[31m: unknown key/])
  t.ok((problemsOf(JSON.stringify({ defaults: { ['x'.repeat(900)]: 1 } }))[0]?.length ?? 0) < 1100)
  t.end()
})

t.test('a list that contains itself is a problem and no endless walk', (t) => {
  t.strictSame(problemsOf('sidecars: &a [*a]'), ['sidecars[0]: must be string'])
  t.end()
})

t.test('an alias may be used where it is no bomb', (t) => {
  const { rules } = read('policy: {rules: [{name: a, namespaces: &names [x]}, {name: b, namespaces: *names}]}').policy
  t.strictSame(
    rules.map(({ namespaces }) => namespaces),
    [['x'], ['x']],
  )
  t.end()
})

t.test('the hash is the same for the same settings in another order or spelling', (t) => {
  const hash = (text: string): string => read(text).hash
  t.equal(hash('openshift: true\nsidecars: [a]'), hash('sidecars: [a]\nopenshift: true'))
  t.equal(hash('defaults: {cpu: "4", memory: 1Gi}'), hash('{"defaults": {"memory": "1Gi", "cpu": 4}}'))
  t.equal(
    hash('policy: {rules: [{name: a, namespaces: [x], maxSize: 1Gi}]}'),
    hash('policy: {rules: [{maxSize: 1024Mi, namespaces: [x], name: a}]}'),
  )
  t.equal(hash('openshift: false'), defaultConfig.hash)
  t.end()
})

t.test('the hash is another one after any change', (t) => {
  const files = [
    '{}',
    'annotationPrefix: a/',
    'defaults: {cpu: 3}',
    'defaults: {memory: 3Gi}',
    'sidecars: []',
    'sidecars: [a, b]',
    'sidecars: [b, a]',
    'unknownAnnotations: warn',
    'openshift: true',
    'allowWholeBucket: true',
    'requireChecksums: true',
    'loader: {reuse: trust-own}',
    'podIdentity: {uri: "http://[fd00:ec2::23]/v1/credentials"}',
    'loader: {imagePullPolicy: Always}',
    'loader: {imagePullSecrets: [a]}',
    'loader: {s5cmdPath: /a}',
    'loader: {env: {A: b}}',
    'loader: {env: {A: c}}',
    'cluster: {version: "1.35"}',
    'cluster: {version: "1.36"}',
    'mountpoint: {headroomGate: true}',
    ...[
      'name: b, namespaces: [x]',
      'name: a, namespaces: [y]',
      'name: a, namespaces: [x], sources: [y]',
      'name: a, namespaces: [x], maxSize: 1Gi',
      'name: a, namespaces: [x], maxSize: 2Gi',
    ].map((rule) => `policy: {rules: [{${rule}}]}`),
  ]
  t.equal(new Set(files.map((text) => read(text).hash)).size, files.length)
  t.end()
})

t.test('the configuration is frozen', (t) => {
  const config = read('policy: {rules: [{name: a, namespaces: [x]}]}')
  for (const part of [
    config,
    config.defaults,
    config.sidecars,
    config.loader.env,
    config.policy.rules,
    config.policy.rules[0]?.namespaces,
  ]) {
    t.ok(Object.isFrozen(part))
  }
  t.ok(Object.isFrozen(defaultConfig) && Object.isFrozen(defaultConfig.defaults))
  t.end()
})

t.test('no file makes the reader throw', (t) => {
  const texts = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.json(),
    fc.string({ unit: fc.constantFrom('a', ':', ' ', '\n', '-', '[', '{', '&', '*', '!', '<', '"'), maxLength: 30 }),
  )
  fc.assert(
    fc.property(texts, (text) => typeof parseConfig(text).ok === 'boolean'),
    { numRuns: 500 },
  )
  t.end()
})

/** Certificate of a throwaway authority, whose key is gone. */
const authority = `-----BEGIN CERTIFICATE-----
MIIBsjCCAVegAwIBAgIUQ03MFFRIaUuYeo++zJKw9rMNIqcwCgYIKoZIzj0EAwIw
JjEkMCIGA1UEAwwbbW9kZWwtaW5qZWN0b3ItdGhyb3dhd2F5LWNhMB4XDTI2MTEy
MzEzNDEwMVoXDTI2MTIyMzEzNDEwMVowJjEkMCIGA1UEAwwbbW9kZWwtaW5qZWN0
b3ItdGhyb3dhd2F5LWNhMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEOHsYqW8y
jZB4WW5imYU9qyF/MfjdcTDCfIkLSl+KqdXYyJcaaBMgjkWG1CNHG+jXYLaLoW24
hjEiwPigB7rTk6NjMGEwHQYDVR0OBBYEFAE/qn9MW8uj7bKacD/ipqnElLXBMB8G
A1UdIwQYMBaAFAE/qn9MW8uj7bKacD/ipqnElLXBMA8GA1UdEwEB/wQFMAMBAf8w
DgYDVR0PAQH/BAQDAgIEMAoGCCqGSM49BAMCA0kAMEYCIQCHN/BCYFy2nBEFd1yQ
15MMaN7mTJT6Cc7dwn9FezFPjQIhAN9HSVoCqM3DsoPovgSQ1oHv4ibON8Xaom12
iZkOUqtL
-----END CERTIFICATE-----`

function indented(text: string): string {
  return text.replace(/^/gm, '    ')
}

t.test('a proxy and authorities for the loaders are read', (t) => {
  const { loader } = read(
    `loader:\n  proxy: {url: "http://proxy:3128", noProxy: [.amazonaws.com]}\n  caCertificates: |\n${indented(authority)}\n`,
  )
  t.strictSame(loader.proxy, { url: 'http://proxy:3128', noProxy: ['.amazonaws.com'] })
  t.equal(loader.caCertificates?.trim(), authority)
  t.equal(loader.imagePullPolicy, 'IfNotPresent', 'the other defaults stay')
  t.end()
})

t.test('a proxy or authorities that could not work are refused', (t) => {
  const cases: [string, RegExp][] = [
    ['loader: {proxy: {url: "proxy:3128"}}', /^loader\.proxy\.url: "proxy:3128" is not http:\/\/host:port$/],
    [
      'loader: {proxy: {url: "http://me:secret@proxy:3128"}}',
      /^loader\.proxy\.url: has a user name, which would be readable in the pods/,
    ],
    ['loader: {proxy: {}}', /^loader\.proxy: must have required property 'url'$/],
    ['loader: {proxy: {url: "http://proxy", noProxy: ["a,b"]}}', /^loader\.proxy\.noProxy\[0\]: must match pattern/],
    ['loader: {caCertificates: hello}', /^loader\.caCertificates: is not a list of PEM certificates$/],
    [
      `loader:\n  caCertificates: |\n${indented(authority.replace('MII', 'AAA'))}\n`,
      /^loader\.caCertificates: block 1 is not a certificate$/,
    ],
  ]
  for (const [text, problem] of cases) {
    const problems = problemsOf(text)
    t.equal(problems.length, 1, text)
    t.match(problems[0], problem)
  }
  t.notMatch(problemsOf('loader: {proxy: {url: "http://me:secret@proxy:3128"}}')[0], /secret/)
  t.end()
})

t.test('a policy is enforced or in audit mode, and exceptions are those of the mode', (t) => {
  t.strictSame(read('policy: {mode: audit, enforceNamespaces: [team-a]}').policy, {
    mode: 'audit',
    enforceNamespaces: ['team-a'],
    rules: [],
  })
  t.strictSame(
    read('policy: {mode: enforce, enforceNamespaces: [], auditNamespaces: [old-*]}').policy.auditNamespaces,
    ['old-*'],
  )
  t.strictSame(problemsOf('policy: {mode: warn}'), ['policy.mode: must be one of enforce, audit'])
  t.strictSame(problemsOf('policy: {mode: audit, auditNamespaces: [x]}'), [
    'policy.auditNamespaces: has no effect with mode audit; it names the exceptions of mode enforce',
  ])
  t.strictSame(problemsOf('policy: {enforceNamespaces: [x]}'), [
    'policy.enforceNamespaces: has no effect with mode enforce; it names the exceptions of mode audit',
  ])
  t.end()
})

t.test('no variable of ours and none of credentials can be declared harmless', (t) => {
  for (const [pattern, taken] of [
    ['*', 'MODEL_NAME'],
    ['MODEL_*', 'MODEL_*'],
    ['MODEL_OF_OTHERS', 'MODEL_OF_OTHERS'],
    ['AWS_*', 'AWS_REGION'],
    ['AWS_SECRET_ACCESS_KEY', 'AWS_SECRET_ACCESS_KEY'],
  ] as const) {
    t.match(problemsOf(`ownership: {allowedEnv: ["${pattern}"]}`), [/^ownership\.allowedEnv\[0\]: .* matches /], taken)
  }
  t.strictSame(problemsOf('ownership: {allowedEnv: ["NODE_OPTIONS", "HTTP*_PROXY", "SCANNER_*"]}'), [])
  t.end()
})
