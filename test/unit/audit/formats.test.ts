/** Every output, read by somebody else's parser. */
import { execFileSync } from 'node:child_process'
import { Ajv } from 'ajv'
import t from 'tap'
import { parseAllDocuments } from 'yaml'
import { create } from 'xmlbuilder2'
import { AuditCount, auditPods } from '../../../src/audit/audit.ts'
import type { AuditedObject } from '../../../src/audit/audited-object.ts'
import type { FormatContext } from '../../../src/audit/formats/format.ts'
import { formatNames, auditFormats, type FormatName } from '../../../src/audit/formats/registry.ts'
import { judgementNames, type AuditedPod } from '../../../src/audit/judgement.ts'
import { defaultConfig } from '../../../src/config/parse-config.ts'
import { asObject, changedPods } from '../../audit/tampered-pods.ts'

const objects: readonly AuditedObject[] = [
  ...Object.entries(changedPods).map(([name, [pod]]) => ({
    pod: created(asObject(name, pod), name),
    namespace: 'apps',
  })),
  {
    pod: {
      metadata: { annotations: { 'models.example.io/source': '=cmd|x' } },
      spec: { containers: [{ name: 'app' }] },
    },
    namespace: 'ml',
    file: 'deploy/my app.yaml',
    workload: { kind: 'Deployment', name: 'my-app' },
  },
]

function created(object: object, uid: string): object {
  const { metadata } = object as { metadata: object }
  return { ...object, metadata: { ...metadata, uid, creationTimestamp: '2026-01-01T00:00:00Z' } }
}

async function write(
  format: FormatName,
  pods: AsyncIterable<AuditedPod> = auditPods(objects, { config: defaultConfig }),
  terminal: Partial<FormatContext['terminal']> = {},
): Promise<string> {
  const count = new AuditCount()
  const context: FormatContext = {
    place: 'cluster https://127.0.0.1:6443',
    scope: 'all namespaces',
    config: 'the built-in configuration',
    configHash: '0123',
    now: new Date(Date.UTC(2026, 0, 1)),
    summary: () => count.summary,
    failsOn: ({ judgement }) => judgement === 'outdated',
    by: 'pod',
    terminal: { width: 120, isPipe: false, quiet: false, paint: (_level, text) => text, ...terminal },
  }
  const parts: string[] = []
  for await (const part of auditFormats[format](count.count(pods), context)) parts.push(part)
  return parts.join('')
}

/** Python's standard library has parsers that share nothing with those that write here. */
function readInPython(script: string, input: string): unknown {
  return JSON.parse(execFileSync('python3', ['-c', `import sys, json\n${script}`], { input, encoding: 'utf8' }))
}

const names = [...Object.keys(changedPods), 'deployment/my-app']

t.test('json has every pod and the summary', async (t) => {
  const { pods, summary, audit } = JSON.parse(await write('json')) as {
    pods: AuditedPod[]
    summary: Record<string, number>
    audit: unknown
  }
  t.strictSame(
    pods.map(({ name }) => name),
    names,
  )
  t.strictSame(summary, {
    pods: 19,
    waived: 0,
    conforming: 3,
    missing: 3,
    spoofed: 2,
    tampered: 9,
    notAllowed: 0,
    invalid: 2,
    outdated: 2,
    unpinned: 1,
    exposed: 0,
    rewritten: 1,
  })
  t.match(audit, {
    place: 'cluster https://127.0.0.1:6443',
    config: 'the built-in configuration',
    time: '2026-01-01T00:00:00.000Z',
  })
})

t.test('csv has a row for each model, and no cell that begins a formula', async (t) => {
  const rows = readInPython(
    'import csv\nprint(json.dumps(list(csv.DictReader(sys.stdin))))',
    await write('csv'),
  ) as Record<string, string>[]
  t.strictSame(
    rows.map(({ pod }) => pod),
    names,
  )
  t.match(rows[1], {
    namespace: 'apps',
    source: 's3://elsewhere/llama/',
    family: 's3://elsewhere/llama',
    judgements: 'tampered',
    created: '2026-01-01T00:00:00Z',
  })
  t.equal(rows.at(-1)?.source, "'=cmd|x")
  t.strictSame(
    rows.flatMap((row) => Object.values(row)).filter((cell) => /^[=+\-@\t\r]/.test(cell)),
    [],
  )
  t.equal(rows.find(({ pod }) => pod === 'untouched')?.version, '1.2.3')
})

t.test('junit has a suite for each namespace, and fails what is an error or what the user names', async (t) => {
  const text = await write('junit')
  const script = `import xml.etree.ElementTree as e
root = e.fromstring(sys.stdin.buffer.read())
print(json.dumps([[s.get("name"), [[c.get("name"), [f.get("type") for f in c.findall("failure")]] for c in s]] for s in root]))`
  const suites = readInPython(script, text) as [string, [string, string[]][]][]
  t.strictSame(
    suites.map(([name]) => name),
    ['apps', 'ml'],
  )
  const cases = Object.fromEntries(suites.flatMap(([, cases]) => cases))
  t.match(cases, {
    untouched: [],
    unpinned: [],
    'another-source': ['tampered'],
    'edited-annotations': ['outdated'],
    'never-injected': ['missing'],
    'deployment/my-app': [],
  })
  t.match((create(text).end({ format: 'object' }) as { testsuites: unknown }).testsuites, {
    '@name': 'model-injector audit',
  })
  const counts = readInPython(
    'import xml.etree.ElementTree as e\nprint(json.dumps([[s.get(a) for a in ("tests", "failures", "errors")] + [len(s), len(s.findall("testcase/failure"))] for s in e.fromstring(sys.stdin.buffer.read())]))',
    text,
  ) as string[][]
  t.equal(counts.length, 2)
  for (const [tests, failures, errors, cases, failed] of counts) {
    t.strictSame([Number(tests), Number(failures), Number(errors)], [cases, failed, 0])
  }
  const one = await first()
  const many = await write('junit', pods(Array.from({ length: 2001 }, () => one)))
  t.strictSame(
    [...many.matchAll(/<testsuite [^>]*tests="(\d+)"/g)].map(([, tests]) => tests),
    ['1000', '1000', '1'],
  )
  const control = await write('junit', pods([{ ...(await first()), name: 'a\u0000\u001bb' }]))
  t.match(readInPython(script, control), [['apps', [['a??b', []]]]], 'what XML cannot hold is replaced')
})

t.test('sarif has a rule for each judgement, and a result for each that does not conform', async (t) => {
  const log = JSON.parse(await write('sarif')) as SARIFLog
  const validate = new Ajv({ strict: false }).compile(sarifShape)
  t.ok(validate(log), JSON.stringify(validate.errors))
  const [run] = log.runs
  t.strictSame(
    run?.tool.driver.rules.map(({ id }) => id),
    judgementNames.filter((name) => name !== 'conforming'),
  )
  t.ok(run?.results.every(({ ruleId, ruleIndex }) => run.tool.driver.rules[ruleIndex]?.id === ruleId))
  t.equal(run?.results.length, 20)
  t.match(run?.results.at(-1), {
    ruleId: 'invalid',
    level: 'warning',
    locations: [{ physicalLocation: { artifactLocation: { uri: 'deploy/my%20app.yaml' } } }],
  })
  t.match(run?.results[0], {
    ruleId: 'tampered',
    level: 'error',
    locations: [
      {
        physicalLocation: { artifactLocation: { uri: 'cluster/apps/pods/another-source' } },
        logicalLocations: [{ fullyQualifiedName: 'apps/another-source' }],
      },
    ],
  })
})

t.test('the fingerprint of a result stays when its workload makes another pod', async (t) => {
  const pod = {
    ...(await first()),
    judgements: [{ judgement: 'tampered', reason: 'x', evidence: [] }],
    owner: { kind: 'Deployment', name: 'app' },
  } as const
  const log = JSON.parse(
    await write(
      'sarif',
      pods([
        { ...pod, name: 'app-1' },
        { ...pod, name: 'app-2' },
        { ...pod, name: 'app-1', owner: { kind: 'Deployment', name: 'other' } },
      ]),
    ),
  ) as SARIFLog
  const [one, two, other] =
    log.runs[0]?.results.map(({ partialFingerprints }) => partialFingerprints['modelInjectorAudit/v1']) ?? []
  t.equal(one, two)
  t.not(one, other)
})

for (const [format, type] of [
  ['policyreport', { apiVersion: 'wgpolicyk8s.io/v1alpha2', kind: 'PolicyReport' }],
  ['openreports', { apiVersion: 'openreports.io/v1alpha1', kind: 'Report', source: 'model-injector' }],
] as const) {
  t.test(`${format} has an object with one result for each pod, which owns it`, async (t) => {
    const reports = reportsIn(await write(format))
    t.strictSame(
      reports.map(({ results, summary }) => [results.length, Object.values(summary).reduce((sum, n) => sum + n)]),
      names.map(() => [1, 1]),
    )
    t.equal(new Set(reports.map(({ metadata }) => metadata.name)).size, names.length)
    t.match(reports[0], {
      ...type,
      metadata: {
        name: 'model-injector-audit-untouched',
        namespace: 'apps',
        ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'untouched', uid: 'untouched' }],
      },
      scope: { apiVersion: 'v1', kind: 'Pod', name: 'untouched', namespace: 'apps', uid: 'untouched' },
      results: [{ policy: 'model-injector-audit', rule: 'conforming', result: 'pass' }],
      summary: { pass: 1 },
    })
    const workload = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'my-app', namespace: 'ml' }
    t.match(reports.at(-1), { scope: workload, results: [{ rule: 'invalid', result: 'warn', resources: [workload] }] })
    t.notOk(reports.at(-1)?.metadata.ownerReferences, 'nothing that is there can own it')
  })

  t.test(`${format} has the worst judgement as the result of a pod, and the others beside it`, async (t) => {
    const judgements = [
      { judgement: 'tampered', reason: 'x', evidence: [] },
      { judgement: 'outdated', reason: 'y', evidence: [] },
    ] as const
    const [report] = reportsIn(await write(format, pods([{ ...(await first()), judgements }])))
    t.match(report, {
      summary: { pass: 0, fail: 1, warn: 0, error: 0, skip: 0 },
      results: [{ rule: 'tampered', result: 'fail', message: 'x', properties: { also: 'outdated: y' } }],
    })
  })

  t.test(`${format} has no object that etcd would not take`, async (t) => {
    const judgements = [{ judgement: 'invalid', reason: 'ü'.repeat(2_000_000), evidence: [] }] as const
    const text = await write(format, pods([{ ...(await first()), judgements }]))
    t.ok(Buffer.byteLength(text) < 64 * 1024, String(Buffer.byteLength(text)))
  })
}

t.test('the table fits the terminal, and shows hostile values as text', async (t) => {
  for (const width of [60, 100, 160]) {
    const text = await write('table', undefined, { width })
    t.strictSame(
      text
        .split('\n')
        .slice(0, -2)
        .filter((line) => line.length > Math.max(width, 78)),
      [],
      `${width} columns`,
    )
    t.notMatch(text, /[\u0000-\u0009\u000b-\u001f\u202e]|…/)
  }
})

t.test('in a pipe the source of a model stays in one piece', async (t) => {
  const source = `s3://models/${'team/'.repeat(40)}`
  const pod = {
    metadata: { annotations: { 'models.example.io/source': source } },
    spec: { containers: [{ name: 'app' }] },
  }
  const long = (): AsyncIterable<AuditedPod> => auditPods([{ pod, namespace: 'ml' }], { config: defaultConfig })
  t.match(await write('table', long(), { width: 80, isPipe: true }), `  ${source}  `)
  t.notMatch(await write('table', long(), { width: 80 }), source)
})

t.test('the quiet table leaves out what is fine, and counts it', async (t) => {
  const text = await write('table', undefined, { quiet: true })
  t.notMatch(text, /untouched/)
  t.match(text, /unpinned: neither a manifest nor a digest/)
  t.match(text, /\n19 pods with models, 3 conforming, /)
})

t.test('an audit of nothing is well-formed in every format', async (t) => {
  for (const format of formatNames) {
    const text = await write(format, pods([]))
    if (format === 'json' || format === 'sarif') t.type(JSON.parse(text), 'object')
    if (format === 'table') t.match(text, /^0 pods with models \(/)
    if (format === 'junit') t.match(text, /<testsuites name="model-injector audit">\n<\/testsuites>/)
  }
})

t.test('text comes out while pods are still coming in', async (t) => {
  const pod: AuditedPod = { ...(await first()), judgements: [{ judgement: 'tampered', reason: 'x', evidence: [] }] }
  for (const format of formatNames) {
    let produced = 0
    async function* long(): AsyncGenerator<AuditedPod> {
      while (produced < 20_000) yield await Promise.resolve({ ...pod, name: `app-${produced++}` })
    }
    let texts = 0
    for await (const text of auditFormats[format](long(), contextFor())) if (text !== '' && ++texts === 4) break
    t.ok(produced <= 4001, `${format}: ${produced} pods`)
  }
})

function contextFor(): FormatContext {
  const summary = new AuditCount().summary
  return {
    place: '',
    scope: '',
    config: '',
    configHash: '',
    now: new Date(0),
    summary: () => summary,
    failsOn: () => false,
    by: 'pod',
    terminal: { width: 100, isPipe: false, quiet: false, paint: (_level, text) => text },
  }
}

async function first(): Promise<AuditedPod> {
  for await (const pod of auditPods(objects, { config: defaultConfig })) return pod
  throw new Error('there is none')
}

async function* pods(list: readonly AuditedPod[]): AsyncGenerator<AuditedPod> {
  for (const pod of list) yield await Promise.resolve(pod)
}

interface Report {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly ownerReferences?: unknown }
  readonly summary: Readonly<Record<string, number>>
  readonly results: readonly { readonly result: string }[]
}

function reportsIn(text: string): readonly Report[] {
  return parseAllDocuments(text).map((document) => document.toJS() as Report)
}

interface SARIFLog {
  readonly runs: readonly {
    readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string }[] } }
    readonly results: readonly {
      readonly ruleId: string
      readonly ruleIndex: number
      readonly partialFingerprints: Readonly<Record<string, string>>
    }[]
  }[]
}

/** Requirements of SARIF 2.1.0 (§3.13, §3.14, §3.27) on the objects that are used here. */
const text = { type: 'string', minLength: 1 }
const message = { type: 'object', required: ['text'], properties: { text } }
const sarifShape = {
  type: 'object',
  required: ['version', 'runs'],
  additionalProperties: false,
  properties: {
    $schema: { type: 'string' },
    version: { const: '2.1.0' },
    runs: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        required: ['tool', 'results'],
        additionalProperties: false,
        properties: {
          tool: {
            type: 'object',
            required: ['driver'],
            additionalProperties: false,
            properties: {
              driver: {
                type: 'object',
                required: ['name', 'rules'],
                properties: {
                  name: text,
                  version: text,
                  semanticVersion: text,
                  rules: {
                    type: 'array',
                    uniqueItems: true,
                    items: {
                      type: 'object',
                      required: ['id'],
                      properties: {
                        id: text,
                        shortDescription: message,
                        help: message,
                        defaultConfiguration: {
                          type: 'object',
                          properties: { level: { enum: ['none', 'note', 'warning', 'error'] } },
                        },
                      },
                    },
                  },
                },
              },
            },
          },
          columnKind: { const: 'utf16CodeUnits' },
          properties: { type: 'object' },
          results: {
            type: 'array',
            items: {
              type: 'object',
              required: ['message', 'ruleId', 'locations'],
              additionalProperties: false,
              properties: {
                ruleId: text,
                ruleIndex: { type: 'integer', minimum: 0 },
                level: { enum: ['none', 'note', 'warning', 'error'] },
                message,
                partialFingerprints: { type: 'object', additionalProperties: text },
                properties: { type: 'object' },
                locations: {
                  type: 'array',
                  items: {
                    type: 'object',
                    additionalProperties: false,
                    properties: {
                      physicalLocation: {
                        type: 'object',
                        required: ['artifactLocation'],
                        properties: {
                          artifactLocation: {
                            type: 'object',
                            properties: { uri: { type: 'string', pattern: "^[A-Za-z0-9%._~:/!()*'-]+$" } },
                          },
                          region: { type: 'object', properties: { startLine: { type: 'integer', minimum: 1 } } },
                        },
                      },
                      logicalLocations: {
                        type: 'array',
                        items: {
                          type: 'object',
                          properties: { name: { type: 'string' }, fullyQualifiedName: text, kind: text },
                        },
                      },
                    },
                  },
                },
              },
            },
          },
        },
      },
    },
  },
}
