/** The parts of renderings that no outside tool sees. */
import t from 'tap'
import fc from 'fast-check'
import { parse, parseAllDocuments } from 'yaml'
import { clusterArn } from '../../../src/render/arn.ts'
import { partitionOf } from '../../../src/values/s3/partition.ts'
import { fit, label, logicalId } from '../../../src/render/names.ts'
import { dockerfile, fileNameProblem, layersOf } from '../../../src/deliveries/image/render.ts'
import { printTreeAsJSON, printTreeAsYAML } from '../../../src/render/print.ts'
import { merge, nothing, type Rendering } from '../../../src/render/rendering.ts'
import { ecrRepository } from '../../../src/render/registry.ts'
import { quoteWord } from '../../../src/values/shell.ts'
import { explain, plain, type Tree } from '../../../src/render/tree.ts'

t.test('a reason stands as a comment above what it is for, and changes nothing', (t) => {
  const tree: Tree = explain('the whole', {
    a: explain('why a', [explain('why one', 1), 'yes']),
    b: undefined,
    c: { d: explain('why d', '') },
  })
  const text = printTreeAsYAML([tree])
  t.equal(text, '# the whole\n# why a\na:\n# why one\n- 1\n- "yes"\nc:\n  # why d\n  d: ""\n')
  t.strictSame(parse(text), plain(tree))
  t.strictSame(JSON.parse(printTreeAsJSON(tree)), plain(tree))
  t.end()
})

t.test('a long reason is wrapped, and a command is left as it is', (t) => {
  const lines = printTreeAsYAML([explain('word '.repeat(50).trim(), {})])
    .split('\n')
    .filter((line) => line.startsWith('#'))
  t.equal(lines.length, 3)
  t.ok(
    lines.every((line) => line.length <= 103),
    lines.join('\n'),
  )
  const command = `${'a'.repeat(60)} ${'b'.repeat(60)} \\\n  c`
  t.match(printTreeAsYAML([explain(command, {})]), `# ${command.replace('\n', '\n# ')}\n`)
  t.end()
})

t.test('whatever text is in an object, other readers of YAML see the same', (t) => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record(
          {
            text: fc.string(),
            word: fc.constantFrom('yes', 'no', 'on', '1e3', '0o17', '012', 'null', '~', '1:30', '2020-01-01', '<<'),
          },
          { noNullPrototype: true },
        ),
      ),
      (items) => {
        const text = printTreeAsYAML([{ items }])
        for (const version of ['1.1', '1.2'] as const) {
          t.strictSame(
            parseAllDocuments(text, { version }).map((document) => document.toJS() as unknown),
            [{ items }],
          )
        }
      },
    ),
    { numRuns: 100 },
  )
  t.end()
})

t.test('a name that is too long ends in a hash, so that no two become one', (t) => {
  t.equal(fit('short', 10), 'short')
  const [a, b] = [fit(`${'x'.repeat(80)}a`, 64), fit(`${'x'.repeat(80)}b`, 64)]
  t.equal(a.length, 64)
  t.not(a, b)
  t.equal(label('llama'), 'llama')
  t.match(label('llama.v2'), /^llama-v2-[0-9a-f]{6}$/)
  t.not(logicalId('Role', 'a-b', 'c'), logicalId('Role', 'a', 'b-c'))
  t.match(logicalId('Role', 'a-b', 'c.d'), /^[A-Za-z0-9]+$/)
  t.end()
})

t.test('an ARN is in the partition of its region', (t) => {
  t.strictSame(
    ['eu-west-1', 'cn-north-1', 'us-gov-east-1', 'eusc-de-east-1'].map((region) => partitionOf(region).name),
    ['aws', 'aws-cn', 'aws-us-gov', 'aws-eusc'],
  )
  t.strictSame(
    ['eu-west-1', 'cn-north-1', 'eusc-de-east-1'].map((region) => partitionOf(region).domain),
    ['amazonaws.com', 'amazonaws.com.cn', 'amazonaws.eu'],
  )
  t.equal(
    clusterArn({ name: 'c', accountId: '111122223333', region: 'cn-north-1' }),
    'arn:aws-cn:eks:cn-north-1:111122223333:cluster/c',
  )
  t.end()
})

t.test('words of a script are quoted where the shell would read them', (t) => {
  t.equal(quoteWord('s3://a/b-1.2'), 's3://a/b-1.2')
  t.equal(quoteWord("it's $(x)"), `'it'\\''s $(x)'`)
  t.equal(quoteWord(''), "''")
  t.end()
})

t.test('Amazon ECR is known by its host', (t) => {
  t.match(ecrRepository('111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/a@sha256:x'), {
    accountId: '111122223333',
    region: 'eu-west-1',
    repository: 'team/a',
  })
  t.equal(ecrRepository('registry.example.com/a'), undefined)
  t.equal(ecrRepository('evil.example.com/111122223333.dkr.ecr.eu-west-1.amazonaws.com/a'), undefined)
  t.end()
})

t.test('an object that is rendered twice is printed once, and two that differ are a bug', (t) => {
  const claim = (size: string): Tree => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'a', namespace: 'b' },
    spec: { size: explain('why', size) },
  })
  const rendering = (size: string): Rendering => ({
    ...nothing,
    kubernetes: [claim(size)],
    stacks: [{ name: 's', description: 'd', region: 'r', resources: { A: { size } } }],
  })
  const merged = merge([rendering('1'), rendering('1')])
  t.equal(merged.kubernetes.length, 1)
  t.strictSame(
    merged.stacks.map(({ resources }) => Object.keys(resources)),
    [['A']],
  )
  t.throws(() => merge([rendering('1'), rendering('2')]), /differ/)
  t.end()
})

const Mi = 2 ** 20

t.test('each shard has its own layer, and small files share the first', (t) => {
  const files = [
    { path: 'b.safetensors', bytes: 100 * Mi },
    { path: 'config.json', bytes: 10 },
    { path: 'a.safetensors', bytes: 64 * Mi },
    { path: 'tiny.safetensors', bytes: 1 },
  ]
  t.strictSame(
    layersOf(files).map((layer) => layer.map(({ path }) => path)),
    [['config.json', 'tiny.safetensors'], ['a.safetensors'], ['b.safetensors']],
  )
  t.end()
})

t.test('without sizes the names of weights decide', (t) => {
  t.strictSame(
    layersOf([{ path: 'x.gguf' }, { path: 'README.md' }]).map((layer) => layer.map(({ path }) => path)),
    [['README.md'], ['x.gguf']],
  )
  t.end()
})

t.test('however many shards there are, in however many directories, an image has no more than 100 layers', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 900 }),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 0, max: 5 }),
      (shards, directories, small) => {
        const files = [
          ...Array.from({ length: shards }, (_, i) => ({
            path: `d${i % directories}/${i}.safetensors`,
            bytes: 100 * Mi,
          })),
          ...Array.from({ length: small }, (_, i) => ({ path: `${i}.json`, bytes: 1 })),
        ]
        const text = dockerfile({
          files,
          repository: 'r/x',
          tag: '1',
          directory: '/m',
          compression: 'zstd',
          annotationPrefix: 'x/',
        })
        const last = text.slice(text.lastIndexOf('FROM scratch\n'))
        t.ok(last.split('\n').filter((line) => line.startsWith('COPY')).length <= 100)
        const copied = [...text.matchAll(/^COPY --link --chmod=0644 (\[.*\])$/gm)].flatMap(([, list = '[]']) =>
          (JSON.parse(list) as string[]).slice(0, -1),
        )
        t.strictSame(copied.sort(), files.map(({ path }) => path).sort(), 'every file is copied once')
      },
    ),
    { numRuns: 30 },
  )
  t.end()
})

t.test('names that a Dockerfile would take for something else are refused', (t) => {
  for (const path of ['a*', 'a?', '[a]', 'a$b', 'a\\b', 'a\nb', '../a', '/a', 'a//b', './a']) {
    t.ok(fileNameProblem(path), JSON.stringify(path))
  }
  for (const path of ['a b.txt', 'a/b-1_2.json', 'ä.txt', 'a"b']) t.equal(fileNameProblem(path), undefined, path)
  t.end()
})
