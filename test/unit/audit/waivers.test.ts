/** Waivers: the file, the pods that each is for, what stops counting, and what every output says of it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import { AuditCount, auditPods } from '../../../src/audit/audit.ts'
import type { AuditedObject } from '../../../src/audit/audited-object.ts'
import type { AuditedPod, Judgement } from '../../../src/audit/judgement.ts'
import { parseWaivers } from '../../../src/audit/waivers/parse-waivers.ts'
import { useWaivers } from '../../../src/audit/waivers/waive.ts'
import { defaultConfig } from '../../../src/config/parse-config.ts'
import { asObject, changedPods } from '../../audit/tampered-pods.ts'
import { runCLI } from '../../integration/cli/run-cli.ts'
import { waitFor } from '../../kit/tools/wait-for.ts'

const now = new Date('2026-06-30T12:00:00Z')
const accepted = { judgement: 'tampered', reason: 'ticket 7', until: '2026-12-31' }

function waiversIn(...waivers: readonly object[]) {
  const result = parseWaivers(JSON.stringify({ waivers }), 'w.yaml')
  if (!result.ok) throw new Error(result.problems.join('\n'))
  return result.waivers
}

function labelled(name: string, labels: Readonly<Record<string, string>>): AuditedObject {
  const pod = asObject(name, changedPods[name]![0])
  return {
    pod: { ...pod, metadata: { ...pod.metadata, labels: { ...(pod.metadata?.labels as object), ...labels } } },
    namespace: 'apps',
  }
}

async function audit(objects: readonly AuditedObject[], ...waivers: readonly object[]) {
  const use = useWaivers(waiversIn(...waivers), now)
  const count = new AuditCount()
  const pods: AuditedPod[] = []
  for await (const pod of count.count(auditPods(objects, { config: defaultConfig, waivers: use }))) pods.push(pod)
  return { pods, summary: count.summary, use }
}

function wordsOf(pod: AuditedPod | undefined): readonly string[] | undefined {
  return pod?.judgements.map(({ judgement, waived }) => (waived === undefined ? judgement : `${judgement}, waived`))
}

for (const [mistake, text, problem] of [
  ['text that is no YAML', 'waivers:\n- {', /^w\.yaml:2: not readable as YAML/],
  [
    'an unknown key',
    'waivers: []\nwaiver: []',
    /^w\.yaml:2: waiver: unknown key, did you mean waivers\?; known: waivers$/,
  ],
  [
    'a list alone',
    '# accepted\n- judgement: unpinned\n',
    /^w\.yaml:2: is a list; accepted: a mapping with the key waivers, and the list below it$/,
  ],
  ['text alone', 'waivers', /^w\.yaml:1: is no mapping; accepted: a mapping with the key waivers/],
  ['waivers that are no list', 'waivers:\n  judgement: unpinned', /^w\.yaml:2: waivers: must be array$/],
  ['a second mistake', 'waivers:\n- pods: {}\n  until: 1\n', /^w\.yaml:3: waivers\[0\]\.until: must be string/],
  [
    'an unknown selector',
    file({ pods: { namespace: ['a'] } }),
    /^w\.yaml:1: waivers\[0\]\.pods\.namespace: unknown key, did you mean namespaces/,
  ],
  [
    'pods of every namespace',
    file({ pods: {} }),
    /^w\.yaml:1: waivers\[0\]\.pods: must have required property 'namespaces'$/,
  ],
  ['no reason', file({ reason: '' }), /^w\.yaml:1: waivers\[0\]\.reason: must NOT have fewer than 1 characters$/],
  [
    'a judgement of no audit',
    file({ judgement: 'tamperd' }),
    /^w\.yaml:1: waivers\[0\]\.judgement: must be one of missing, /,
  ],
  ['a pod that conforms', file({ judgement: 'conforming' }), /^w\.yaml:1: waivers\[0\]\.judgement: must be one of/],
  [
    'a day that no year has',
    file({ until: '2026-02-30' }),
    /^w\.yaml:1: waivers\[0\]\.until: "2026-02-30" is no day; accepted: .*2026-12-31$/,
  ],
  ['a time of the day', file({ until: '2026-02-03T00:00:00Z' }), /^w\.yaml:1: waivers\[0\]\.until: .* is no day/],
  [
    'a number as label',
    file({ pods: { namespaces: ['a'], labels: { a: 1 } } }),
    /labels\.a: must be string; write it in quotes$/,
  ],
] as const) {
  t.test(`${mistake} is refused with its place`, (t) => {
    const result = parseWaivers(text, 'w.yaml')
    t.match(result.ok ? [] : result.problems.filter((one) => problem.test(one)), [problem])
    t.end()
  })
}

function file(change: object): string {
  return JSON.stringify({ waivers: [{ pods: { namespaces: ['apps'] }, ...accepted, ...change }] })
}

t.test('an empty file waives nothing, and a day needs no quotes', (t) => {
  t.strictSame(parseWaivers('', 'w.yaml'), { ok: true, waivers: [] })
  const text = 'waivers: [{pods: {namespaces: [a]}, judgement: missing, reason: r, until: 2026-12-31}]'
  t.match(parseWaivers(text, 'w.yaml'), { ok: true, waivers: [{ place: 'waivers[0]', until: '2026-12-31' }] })
  t.end()
})

t.test('what is waived is said, and no longer counts against the pod', async (t) => {
  const objects = [labelled('another-source', {}), labelled('untouched', {}), labelled('unpinned', {})]
  const { pods, summary, use } = await audit(objects, { pods: { namespaces: ['a*'] }, ...accepted })
  t.strictSame(pods.map(wordsOf), [['conforming', 'tampered, waived'], ['conforming'], ['unpinned', 'conforming']])
  t.match(pods[0]?.judgements, [
    { reason: 'all that speaks against it is waived' },
    { reason: /^parts are not those that were recorded/, waived: { reason: 'ticket 7', until: '2026-12-31' } },
  ])
  t.match(summary, { pods: 3, waived: 1, tampered: 0, conforming: 3, unpinned: 1 })
  t.strictSame(use.unused(), [])
})

t.test('judgements beside a waived one still count', async (t) => {
  const use = useWaivers(waiversIn({ pods: { namespaces: ['*'] }, ...accepted }), now)
  const judge = (...names: readonly Judgement[]): AuditedPod['judgements'] =>
    names.map((judgement) => ({ judgement, reason: 'x', evidence: [] })) as unknown as AuditedPod['judgements']
  const pod = (await audit([labelled('untouched', {})])).pods[0]!
  t.strictSame(wordsOf(use.waive({ ...pod, judgements: judge('tampered', 'outdated') }, {})), [
    'outdated',
    'tampered, waived',
  ])
  t.strictSame(wordsOf(use.waive({ ...pod, judgements: judge('tampered', 'rewritten') }, {})), [
    'rewritten',
    'conforming',
    'tampered, waived',
  ])
})

for (const [what, pods, isFor] of [
  ['another namespace', { namespaces: ['app'] }, false],
  ['its name', { namespaces: ['apps'], names: ['another-*'] }, true],
  ['another name', { namespaces: ['apps'], names: ['other'] }, false],
  ['itself, as it has no owner', { namespaces: ['apps'], workloads: ['Pod/another-source'] }, true],
  ['another workload', { namespaces: ['apps'], workloads: ['Deployment/*'] }, false],
  ['one of its labels', { namespaces: ['apps'], labels: { app: 'x' } }, true],
  ['a label and one that it has not', { namespaces: ['apps'], labels: { app: 'x', team: 'y' } }, false],
  ['a label with another value', { namespaces: ['apps'], labels: { app: 'y' } }, false],
  ['a label that objects have by themselves', { namespaces: ['apps'], labels: { constructor: 'x' } }, false],
] as const) {
  t.test(`a waiver of ${what} is ${isFor ? '' : 'not '}for the pod`, async (t) => {
    const { summary, use } = await audit([labelled('another-source', { app: 'x' })], { pods, ...accepted })
    t.match(summary, { waived: isFor ? 1 : 0, tampered: isFor ? 0 : 1 })
    t.equal(use.unused().length, isFor ? 0 : 1)
  })
}

t.test('labels of a malformed pod, whatever they are, are no error', async (t) => {
  for (const labels of [null, 7, ['app'], { app: { x: 1 } }]) {
    const pod = {
      metadata: { annotations: { 'models.example.io/source': 's3://a/b' }, labels },
      spec: { containers: [] },
    }
    const waiver = { ...accepted, judgement: 'invalid', pods: { namespaces: ['apps'], labels: { app: 'x' } } }
    const { summary } = await audit([{ pod, namespace: 'apps' }], waiver)
    t.match(summary, { pods: 1, waived: 0 })
  }
})

t.test('a waiver counts to the end of its day, in UTC', async (t) => {
  const until = (day: string) => ({ pods: { namespaces: ['apps'] }, ...accepted, until: day })
  const objects = [labelled('another-source', {})]
  t.match(await audit(objects, until('2026-06-30')), { summary: { waived: 1 }, use: { expired: [] } })
  const ended = await audit(objects, until('2026-06-29'))
  t.match(ended, { summary: { waived: 0, tampered: 1 }, use: { expired: [{ place: 'waivers[0]' }] } })
  t.strictSame(ended.use.unused(), [], 'one that ended is not called unused as well')
})

t.test('the command', async (t) => {
  const directory = t.testdir({
    'pods.json': JSON.stringify({
      kind: 'List',
      items: ['another-source', 'untouched'].map((name) => ({
        ...(labelled(name, {}).pod as object),
        kind: 'Pod',
        apiVersion: 'v1',
      })),
    }),
    'waivers.yaml': JSON.stringify({
      waivers: [
        { pods: { namespaces: ['apps'] }, ...accepted, until: '2999-12-31' },
        { pods: { namespaces: ['apps'] }, ...accepted, until: '2020-01-01' },
        { pods: { namespaces: ['apps'] }, ...accepted, judgement: 'missing', until: '2999-12-31' },
        { pods: { namespaces: ['elsewhere'] }, ...accepted, until: '2999-12-31' },
      ],
    }),
    'wrong.yaml': 'waivers: [{}]',
  })
  const run = (...args: readonly string[]) =>
    runCLI(['audit', '-f', 'pods.json', ...args], { cwd: directory, env: { COLUMNS: '120' } })
  const withWaivers = async (format: string) => (await run('--waivers', 'waivers.yaml', '-o', format)).stdout
  const words = 'waived until 2999-12-31: ticket 7'

  t.match(await run('--fail-on', 'error'), { code: 1, stderr: 'model-injector: failed on 1 tampered\n' })
  const { code, stdout, stderr } = await run('--fail-on', 'error', '--waivers', 'waivers.yaml', '-n', 'apps')
  t.equal(code, 0, 'what is waived does not fail')
  t.strictSame(stderr.trim().split('\n'), [
    'model-injector: waivers.yaml: waivers[1] (tampered: ticket 7) counts no longer: it ended on 2020-01-01; remove it, or give it another day',
    'model-injector: waivers.yaml: waivers[2] (missing: ticket 7) was not used: no pod that it is for is judged so',
  ])
  t.match(stdout, `tampered (${words}): parts are not those that were recorded`)
  t.match(stdout, '2 pods with models, 2 conforming, 1 waived (')
  t.notMatch((await run('--waivers', 'waivers.yaml', '--quiet')).stdout, 'another-source')
  t.match((await run('--waivers', 'waivers.yaml')).stderr, 'waivers[3] (tampered: ticket 7) was not used')

  t.match(JSON.parse(await withWaivers('json')), {
    audit: { waivers: { file: 'waivers.yaml', inForce: 3, expired: [{ place: 'waivers[1]', until: '2020-01-01' }] } },
    pods: [{ judgements: [{ judgement: 'conforming' }, { judgement: 'tampered', waived: { reason: 'ticket 7' } }] }],
    summary: { waived: 1, tampered: 0 },
  })
  t.match(await withWaivers('csv'), new RegExp(`,conforming,,tampered ${words}\n`))
  const junit = await withWaivers('junit')
  t.match(junit, 'tests="2" failures="0" errors="0" skipped="1"')
  t.match(junit, `<skipped message="tampered ${words}"/>`)
  const { runs } = JSON.parse(await withWaivers('sarif')) as { runs: { results: { suppressions: unknown }[] }[] }
  t.strictSame(
    runs[0]?.results.map(({ suppressions }) => suppressions),
    [[{ kind: 'external', status: 'accepted', justification: words }]],
  )
  t.match(parseAllDocuments(await withWaivers('policyreport'))[0]?.toJS(), {
    summary: { fail: 0, skip: 1 },
    results: [{ rule: 'tampered', result: 'skip', message: new RegExp(`^${words} \\(parts are not`) }],
  })
  t.match(await run('--waivers', 'wrong.yaml'), {
    code: 2,
    stderr: /wrong\.yaml has no valid waivers:\n.*  wrong\.yaml:1: waivers\[0\]: must have required property 'pods'/,
  })
  t.match(await run('--waivers', 'none.yaml'), { code: 2, stderr: /none\.yaml: no such file or directory/ })
})

t.test('the example of the page is a valid file', async (t) => {
  const page = await readFile(join(import.meta.dirname, '../../../docs/audit.md'), 'utf8')
  const [, example = ''] = /```yaml\n(# waivers\.yaml\n[^`]*)```/.exec(page) ?? []
  t.match(parse(example), { waivers: [{}] })
  t.match(parseWaivers(example, 'w.yaml'), { ok: true })
})

t.test('a page that is served has the waivers of the file as it is now', async (t) => {
  const pod = { kind: 'Pod', apiVersion: 'v1', ...(labelled('another-source', {}).pod as object) }
  const waiver = { pods: { namespaces: ['apps'] }, ...accepted, until: '2999-12-31' }
  const directory = t.testdir({ 'pod.json': JSON.stringify(pod), 'waivers.yaml': '' })
  const args = ['audit', '-f', 'pod.json', '--waivers', 'waivers.yaml', '--serve']
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../../src/main.ts'), ...args], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  const address = / (http:\S+) /.exec(line)?.[1] ?? ''
  // The page asks for its state, and that is what begins the next audit.
  const isServed = async (isWaived: boolean): Promise<true | undefined> => {
    await (await fetch(`${address}state.json`)).text()
    const pods = (await (await fetch(`${address}pods.json`)).json()) as readonly AuditedPod[]
    return pods[0]?.judgements.some(({ waived }) => waived !== undefined) === isWaived ? true : undefined
  }
  t.ok(await waitFor('the first audit', () => isServed(false)))
  await writeFile(join(directory, 'waivers.yaml'), JSON.stringify({ waivers: [waiver] }))
  t.ok(await waitFor('an audit with the waiver', () => isServed(true)))
})
