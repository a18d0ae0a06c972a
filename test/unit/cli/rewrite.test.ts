/** Changing the text of a document: only what has to change does, whatever the rest looks like. */
import t from 'tap'
import fc from 'fast-check'
import jsonPatch, { type Operation } from 'fast-json-patch'
import { isDeepStrictEqual } from 'node:util'
import { parse } from 'yaml'
import { rewrite } from '../../../src/cli/manifests/rewrite.ts'
import { parseDocuments, printYAML, plainValue } from '../../../src/cli/manifests/yaml.ts'

function add(path: string, value: unknown): Operation {
  return { op: 'add', path, value }
}

function remove(path: string): Operation {
  return { op: 'remove', path }
}

/** Writes the changes into the text. */
function edit(text: string, ...operations: Operation[]): string {
  const wanted = jsonPatch.applyPatch(structuredClone(read(text)), operations).newDocument
  const edited = rewrite(text, wanted)
  t.strictSame(read(edited), wanted, 'the text has the expected value')
  return edited
}

function read(text: string): unknown {
  return plainValue(parseDocuments(text)[0]!)
}

/** The lines of `after` that are not in `before`, which must all be there, in their order. */
function addedLines(before: string, after: string): string[] {
  const rest = before.split('\n')
  const added = after.split('\n').filter((line) => {
    if (line !== rest[0]) return true
    rest.shift()
    return false
  })
  t.strictSame(rest, [], 'every line of before is there')
  return added
}

t.test('comments, blank lines, alignment, quotes and order stay', (t) => {
  const text = `# head

kind:   Deployment   # what it is
'name': "my-app"
spec:
      # about the containers

      containers: # all of them
      - name: app   # the app

        # its image
        image: 'example/app:1'


      # the sidecar
      - image: example/proxy
        name:  proxy
      nodeName: null # not yet
# tail
`
  const edited = edit(
    text,
    add('/spec/containers/0/volumeMounts', [{ name: 'data', mountPath: '/models' }]),
    add('/spec/volumes', [{ name: 'data', emptyDir: {} }]),
  )
  t.strictSame(addedLines(text, edited), [
    '        volumeMounts:',
    '        - name: data',
    '          mountPath: /models',
    '      volumes:',
    '      - name: data',
    '        emptyDir: {}',
  ])
  t.end()
})

t.test('numbers stay as they are written', (t) => {
  const text = 'a: 1e3\nb: 0o17\nc: 1.0\nd: 12345678901234567890\ne: 0x1F\nf: 0644\ng: .5\nh: 1_000\ni: +7\n'
  const edited = edit(text, add('/z', 1))
  t.equal(edited, `${text}z: 1\n`)
  t.strictSame(read(text), { a: 1000, b: 15, c: 1, d: 12345678901234567890n, e: 31, f: 420, g: 0.5, h: 1000, i: 7 })
  t.end()
})

t.test('strings are neither folded nor escaped again', (t) => {
  const long = 'word '.repeat(60).trim()
  const text = `a: ${long}\nb: "${long}"\nc: >-\n  folded\n  text\n\nd: |+\n  kept  \n\ne: "\\u00e9 é 🦙"\nf: plain é 🦙\n`
  const edited = edit(text, add('/g', `${long} ${long}`), add('/h', 'first\nsecond 🦙\n'))
  t.equal(edited, `${text}g: ${long} ${long}\nh: |\n  first\n  second 🦙\n`)
  t.end()
})

t.test('lines end as in the rest of the file', (t) => {
  const text = 'a: 1\r\nlist:\r\n- name: x # first\r\n  text: |\r\n    one\r\n    two\r\n- name: y\r\n'
  const edited = edit(text, add('/list/0/more', { deep: ['a', 'b\nc\n'] }), add('/list/1/name', 'z'))
  t.notMatch(edited, /[^\r]\n/)
  t.match(edited, '- name: x # first\r\n  text: |\r\n    one\r\n    two\r\n  more:\r\n    deep:\r\n    - a\r\n')
  t.end()
})

t.test('a file without a line break at its end does not get one', (t) => {
  t.equal(edit('a: 1\nb:\n  c: 2', add('/b/d', ['x'])), 'a: 1\nb:\n  c: 2\n  d:\n  - x')
  t.end()
})

t.test('added lines are indented like the rest', (t) => {
  const change = add('/spec/added', { list: [{ a: 1 }] })
  t.equal(
    edit('spec:\n    list:\n        - 1\n', change),
    'spec:\n    list:\n        - 1\n    added:\n        list:\n            - a: 1\n',
  )
  t.equal(edit('spec:\n  list:\n  - 1\n', change), 'spec:\n  list:\n  - 1\n  added:\n    list:\n    - a: 1\n')
  t.equal(edit('spec:\n  list:\n    - 1\n', change), 'spec:\n  list:\n    - 1\n  added:\n    list:\n      - a: 1\n')
  t.end()
})

t.test('a list that is null or empty becomes a list, and the comment after it stays', (t) => {
  for (const [empty, comment] of [
    ['volumes:', ''],
    ['volumes: # none', ' # none'],
    ['volumes: []', ''],
    ['volumes: [ ] # none', ' # none'],
    ['volumes: ~', ''],
  ]) {
    const edited = edit(`a: 1\n${empty!}\nb: 2\n`, add('/volumes', [{ name: 'x', emptyDir: {} }]))
    t.equal(edited, `a: 1\nvolumes:\n- name: x\n  emptyDir: {}${comment!}\nb: 2\n`, empty!)
  }
  t.end()
})

t.test('items go in before, between and after others, each with its comment', (t) => {
  const text = 'list:\n# one\n- name: a\n# two\n- name: b # b\n# end\nnext: 1\n'
  const edited = edit(
    text,
    add('/list/1', { name: 'new', image: 'i' }),
    add('/list/0', { name: 'first' }),
    add('/list/-', { name: 'last' }),
  )
  t.equal(
    edited,
    'list:\n- name: first\n# one\n- name: a\n- name: new\n  image: i\n# two\n- name: b # b\n- name: last\n# end\nnext: 1\n',
  )
  t.end()
})

t.test('taking out what was put in gives the old text', (t) => {
  const text =
    'metadata: {labels: {a: b}}\nspec:\n  containers:\n  - name: app # one\n    image: x\n\n  - {name: b, env: [{name: A, value: "1"}]}\n  # end\n'
  const before = read(text)
  const edited = edit(
    text,
    add('/metadata/annotations', { status: '{"a":1}' }),
    add('/spec/initContainers', [{ name: 'loader', args: ['load'] }]),
    add('/spec/containers/0/volumeMounts', [{ name: 'm', mountPath: '/m' }]),
    add('/spec/containers/1/env/-', { name: 'B', value: '/m' }),
  )
  t.not(edited, text)
  t.equal(rewrite(edited, before), text)
  t.end()
})

t.test('the first key of an item can go', (t) => {
  t.equal(
    edit('list:\n- env: # ours\n  - name: A\n  image: x\n  name: app\n', remove('/list/0/env')),
    'list:\n- image: x\n  name: app\n',
  )
  t.end()
})

t.test('maps and lists between brackets stay between brackets', (t) => {
  const edited = edit(
    'spec: {containers: [{name: a, image: b}], x: []} # one line\n',
    add('/spec/containers/0/volumeMounts', [{ name: 'data', mountPath: '/m' }]),
    add('/spec/containers/0', { name: 'first' }),
    add('/spec/x', ['y']),
    add('/spec/volumes', [{ name: 'data', emptyDir: {} }]),
  )
  t.equal(edited.split('\n').length, 2)
  t.match(edited, /^spec: \{containers: \[\{ name: first \}, \{name: a, image: b, volumeMounts: .*# one line\n$/)
  t.end()
})

t.test('text between brackets may end in a colon, as kubectl reads it', (t) => {
  t.strictSame(read('a: [2001:db8::, b:]\n'), { a: ['2001:db8::', 'b:'] })
  t.strictSame(read('{a:, b::}\n'), { 'a:': null, 'b::': null })
  t.strictSame(read('[{a: b:}, c :, d]\n'), [{ a: 'b:' }, 'c :', 'd'])
  t.strictSame(read('{"a":{},"b":[],"c":d,e: , "f":}\n'), { a: {}, b: [], c: 'd', e: null, f: null })
  t.equal(edit('a: [2001:db8::, b]\n', add('/a/2', 'c')), 'a: [2001:db8::, b, c]\n')
  t.equal(edit('{a:, b: 1}\n', add('/b', 2)), '{a:, b: 2}\n')
  t.end()
})

t.test('an anchor that changes does not change its aliases', (t) => {
  const text = 'a:\n  containers: &all\n  - name: app # the app\nb:\n  containers: *all\n'
  const edited = edit(text, add('/a/containers', [{ name: 'app', image: 'x' }]))
  t.equal(edited, 'a:\n  containers: &all\n  - name: app # the app\n    image: x\nb:\n  containers:\n  - name: app\n')
  t.end()
})

t.test('an alias that changes becomes a copy, and its anchor stays', (t) => {
  const text = 'a: &meta\n  labels: {x: y} # shared\nb: *meta\nc: *meta\n'
  const edited = edit(text, add('/b', { labels: { x: 'y' }, annotations: { s: '1' } }))
  t.equal(
    edited,
    'a: &meta\n  labels: {x: y} # shared\nb:\n  labels:\n    x: "y"\n  annotations:\n    s: "1"\nc: *meta\n',
  )
  t.end()
})

t.test('an anchor on what is replaced as a whole stays', (t) => {
  const edited = edit('a:\n  volumes: &none []\nb:\n  volumes: *none # as above\n', add('/a/volumes', [{ name: 'x' }]))
  t.equal(edited, 'a:\n  volumes: &none\n  - name: x\nb:\n  volumes: [] # as above\n')
  t.end()
})

t.test('values of a merge key are covered, not changed at their origin', (t) => {
  const text = 'base: &base\n  mounts: [a]\n  image: x\none:\n  <<: *base\n  name: one # first\ntwo:\n  <<: *base\n'
  const edited = edit(text, add('/one/mounts', ['a', 'b']))
  t.equal(
    edited,
    'base: &base\n  mounts: [a]\n  image: x\none:\n  <<: *base\n  name: one # first\n  mounts:\n  - a\n  - b\ntwo:\n  <<: *base\n',
  )
  t.match(read(edit(text, remove('/one/image'))), { one: { name: 'one', image: undefined }, two: { image: 'x' } })
  t.end()
})

t.test('an anchor that disappears leaves its aliases with their value', (t) => {
  const edited = edit('a:\n  x: &x [1]\n  z: 1\nb: *x\n', remove('/a/x'))
  t.strictSame(read(edited), { a: { z: 1 }, b: [1] })
  t.end()
})

t.test('JSON keeps its form: on one line, with tabs, with numbers as they are written', (t) => {
  const change = [add('/l', [{ x: 1 }]), add('/b/c/0', 0), add('/b/n', { y: 'z' })]
  t.equal(
    edit('{"a":1.0,"l":[],"b":{"c":[1,2]}}', ...change),
    '{"a":1.0,"l":[{"x":1}],"b":{"c":[0,1,2],"n":{"y":"z"}}}',
  )
  t.equal(
    edit('{\n\t"a": 1.0,\n\t"l": [],\n\t"b": {\n\t\t"c": [1, 2]\n\t}\n}\n', ...change),
    '{\n\t"a": 1.0,\n\t"l": [\n\t\t{\n\t\t\t"x": 1\n\t\t}\n\t],\n\t"b": {\n\t\t"c": [0, 1, 2],\n\t\t"n": {\n\t\t\t"y": "z"\n\t\t}\n\t}\n}\n',
  )
  t.equal(
    edit('{"a":12345678901234567890,"b":[1,2,3]}\n', remove('/b/0'), remove('/b/0')),
    '{"a":12345678901234567890,"b":[3]}\n',
  )
  t.equal(edit('{"b": [1, 2, 3], "c": 1}', remove('/b/2'), remove('/c')), '{"b": [1, 2]}')
  t.end()
})

t.test('words that other readers take for numbers or booleans are quoted', (t) => {
  const words = [
    'yes',
    'on',
    'n',
    'null',
    '1e3',
    '0o17',
    '0644',
    '1:30',
    '2024-01-01',
    '~',
    '',
    '- x',
    '*a',
    '{',
    '#',
    'a: b',
  ]
  const edited = edit('a: 1\n', add('/words', words))
  t.strictSame(parse(edited), { a: 1, words }, 'YAML 1.2')
  t.strictSame(parse(edited, { version: '1.1' }), { a: 1, words }, 'YAML 1.1')
  t.end()
})

t.test('the document marker and comments before it stay', (t) => {
  t.equal(edit('# first\n---\n# second\na: 1\n', add('/b', 2)), '# first\n---\n# second\na: 1\nb: 2\n')
  t.equal(edit('a: 1\n...\n', add('/b', 2)), 'a: 1\nb: 2\n...\n')
  t.end()
})

t.test('any document can be made to say anything', (t) => {
  const key = fc
    .oneof(fc.constantFrom('name', 'a', 'b', 'x y', '1', 'yes', ''), fc.string({ maxLength: 4 }))
    .filter((text) => text !== '__proto__' && text !== '<<')
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom<unknown>(null, true, 0, 1.5, -1, 'x', 'yes', '# x', 'a\nb\n', ' b'),
      fc.string({ maxLength: 8 }),
      tie('map'),
      tie('list'),
    ),
    map: fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }),
    list: fc.array(tie('value'), { maxLength: 4 }),
  }))
  const map = fc.dictionary(key, value, { minKeys: 1, maxKeys: 4, noNullPrototype: true })
  const style = fc.record({
    indent: fc.constantFrom(2, 4),
    indentSeq: fc.boolean(),
    newline: fc.constantFrom('\n', '\r\n'),
    json: fc.boolean(),
  })
  const holds = fc.property(map, map, style, (before, after, { newline, json, ...layout }) => {
    const text = json ? JSON.stringify(before, null, 2) : printYAML(before, layout)
    return isDeepStrictEqual(read(rewrite(text.replaceAll('\n', newline), after)), after)
  })
  t.doesNotThrow(() => {
    fc.assert(holds, { numRuns: 300 })
  })
  t.end()
})

t.test('a list of four times the objects takes about four times the time', (t) => {
  const listOf = (count: number): { text: string; target: unknown } => {
    const items = Array.from({ length: count }, (_, i) => ({
      kind: 'Pod',
      metadata: { name: `p${i}`, annotations: { a: 'b', 'models.example.io/status': '{}' } },
      spec: {
        containers: [{ name: 'app', image: 'example/app' }, { name: 'side' }],
        initContainers: [{ name: 'loader' }],
      },
    }))
    const bare = items.map(({ metadata, spec: { containers }, ...rest }) => ({
      ...rest,
      metadata: { ...metadata, annotations: { a: 'b' } },
      spec: { containers },
    }))
    return { text: JSON.stringify({ kind: 'List', items }, undefined, 4), target: { kind: 'List', items: bare } }
  }
  const lists = [listOf(100), listOf(400)]
  const fastest = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  for (let round = 0; round < 4; round++) {
    for (const [i, { text, target }] of lists.entries()) {
      const before = process.cpuUsage()
      const result = rewrite(text, target)
      const { user, system } = process.cpuUsage(before)
      fastest[i] = Math.min(fastest[i] ?? 0, user + system)
      t.strictSame(JSON.parse(result), target)
    }
  }
  const [few = 0, many = 0] = fastest
  t.ok(many < 9 * few, `${Math.round(many / 1000)} ms instead of ${Math.round(few / 1000)} ms`)
  t.end()
})
