/** The frame of the command line: help, exit codes, closed pipes; and `explain`. */
import t from 'tap'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { parse } from 'yaml'
import { annotationNames, annotations, defaultPrefix } from '../../../src/annotations.ts'
import { skipReasons } from '../../../src/reasons.ts'
import { buildProgram, commandNames } from '../../../src/cli/program.ts'
import { version } from '../../../src/version.ts'
import { runCLI } from './run-cli.ts'

// Every run starts a process, which takes its time on a busy machine.
t.setTimeout(300_000)

const root = join(import.meta.dirname, '../../..')

t.test('a command line that is not understood is a usage error with exit code 64 and nothing on stdout', async (t) => {
  const wrong = [
    [],
    ['nothing'],
    ['inject'],
    ['inject', '-f'],
    ['inject', '-f', ''],
    ['inject', '-f', '-', '-f', '-'],
    ['inject', '-f', '-', '-o', 'xml'],
    ['inject', '-f', '-', '--diff', '-o', 'yaml'],
    ['inject', '-f', '-', 'extra'],
    ['inject', '-f', '-', '--color', 'blue'],
    ['uninject', '-n', 'x', '-f', '-'],
    ['explain', 'size', 'cpu'],
    ['explain', 'size', '--reasons'],
    ['serve'],
    ['serve', '--port', 'x'],
  ]
  for (const args of wrong) {
    const { code, stdout, stderr } = await runCLI(args)
    t.equal(code, 64, args.join(' '))
    t.equal(stdout, '')
    t.not(stderr, '')
  }
})

t.test('only the command that is called has its options: to load all of them takes a second', async (t) => {
  const optionsOf = async (name?: string): Promise<readonly string[]> =>
    (await buildProgram(name)).commands.flatMap((command) => (command.options.length > 0 ? [command.name()] : []))
  t.strictSame(await optionsOf(), [])
  t.strictSame(await optionsOf('load'), ['load'])
  t.match((await runCLI(['help', 'inject'])).stdout, '--filename <path>')
})

t.test('the help says what each command is for', async (t) => {
  const { commands } = await buildProgram()
  t.strictSame(
    commands.map((command) => command.name()),
    commandNames,
  )
  t.ok(commands.every((command) => command.description() !== ''))
})

t.test(
  'the client of Kubernetes, which takes a second to load, is loaded to ask a cluster and for nothing else',
  async (t) => {
    const recorder = `
    import { registerHooks } from 'node:module'
    const load = (url, context, next) => {
      if (url.includes('/@kubernetes/client-node/')) process.env.CLIENT = 'loaded'
      return next(url, context)
    }
    registerHooks({ load })
    process.on('exit', () => { console.log('client: ' + process.env.CLIENT) })`
    const clientFor = async (...args: readonly string[]): Promise<string | undefined> => {
      const child = spawn(
        process.execPath,
        ['--import', `data:text/javascript,${encodeURIComponent(recorder)}`, join(root, 'src/main.ts'), ...args],
        { stdio: ['ignore', 'pipe', 'ignore'] },
      )
      return /\nclient: (\w+)\n$/.exec(`\n${await text(child.stdout)}`)?.[1]
    }
    t.equal(await clientFor('--help'), 'undefined', 'no command needs it to be there')
    t.equal(await clientFor('why', 'a-pod', '--kubeconfig', join(t.testdir({}), 'none')), 'loaded')
  },
)

t.test('--version and --help are fine, and every command shows examples that begin with its name', async (t) => {
  t.strictSame(await runCLI(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' })
  for (const command of [
    'serve',
    'inject',
    'uninject',
    'explain',
    'render',
    'check',
    'why',
    'policy test',
    'audit',
    'publish',
    'load',
    'version',
    'completion',
    'help',
  ]) {
    const { code, stdout } = await runCLI([...command.split(' '), '--help'])
    t.equal(code, 0)
    t.match(stdout.slice(stdout.indexOf('\nExamples:')), `  model-injector ${command} `)
  }
  t.match((await runCLI(['--help'])).stdout, /\nExit codes:\n {2}0 +good/)
})

t.test('version says what runs where, for people and as data', async (t) => {
  const { stdout } = await runCLI(['version'])
  t.equal(stdout, `model-injector ${version} (Node ${process.versions.node}, ${process.platform}/${process.arch})\n`)
  t.match(JSON.parse((await runCLI(['version', '-o', 'json'])).stdout), { version, node: process.versions.node })
})

t.test('a Node that is too old is one line', async (t) => {
  const pretend = "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.19.0' } })"
  const imports = ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`]
  const child = spawn(process.execPath, [...imports, join(root, 'src/main.ts'), 'explain'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, error, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ])
  t.strictSame([out, error, code], ['', 'model-injector: needs Node 24 or newer, and this is 20.19.0\n', 2])
})

t.test('a reader that has seen enough is no failure', async (t) => {
  const child = spawn(process.execPath, [join(root, 'src/main.ts'), 'explain', '-o', 'json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  child.stdout.destroy()
  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'close') as Promise<[number | null]>])
  t.equal(stderr, '')
  t.equal(code, 0)
})

t.test('explain lists every annotation within the width of the terminal', async (t) => {
  const { code, stdout } = await runCLI(['explain'], { env: { COLUMNS: '80' } })
  t.equal(code, 0)
  const [header, ...lines] = stdout.split('\n')
  t.match(header, /^NAME +SCOPE +DEFAULT +DESCRIPTION$/)
  t.strictSame(
    lines.flatMap((line) => /^([a-z-]+) +(?:pod|model) /.exec(line)?.[1] ?? []),
    annotationNames,
  )
  t.strictSame(
    stdout
      .slice(0, stdout.indexOf('\n\n'))
      .split('\n')
      .filter((line) => line.length > 80),
    [],
  )
})

t.test('explain finds an annotation by name, with prefix and with suffix', async (t) => {
  const plain = await runCLI(['explain', 'size'])
  t.equal(plain.code, 0)
  for (const part of [
    annotations.size.description,
    annotations.size.accepted,
    annotations.size.default,
    '\nExample:     models.example.io/size: 20Gi\n',
  ]) {
    t.match(plain.stdout, part)
  }
  t.notMatch(plain.stdout, 'operator')
  t.match((await runCLI(['explain', 'memory'])).stdout, "the operator's configuration may set another")
  for (const key of ['models.example.io/size', 'size.llama', 'models.example.io/size.llama.x']) {
    t.strictSame(await runCLI(['explain', key]), plain)
  }
})

t.test('every example is a line of YAML with a text that the annotation accepts', async (t) => {
  const entries = JSON.parse((await runCLI(['explain', '-o', 'json'])).stdout) as {
    name: keyof typeof annotations
    example: string
  }[]
  t.strictSame(
    entries.map(({ name }) => name),
    annotationNames,
  )
  for (const { name, example } of entries) {
    const value = (parse(example) as Record<string, unknown>)[defaultPrefix + name]
    if (name === 'image') t.type(value, 'string')
    else t.ok(typeof value === 'string' && annotations[name].parse(value).ok, example)
  }
})

t.test('explain suggests the nearest name for an unknown one', async (t) => {
  t.strictSame(await runCLI(['explain', 'siez']), {
    code: 64,
    stdout: '',
    stderr: 'model-injector: "siez" is no annotation of model-injector, and no reason; did you mean size?\n',
  })
  const far = await runCLI(['explain', 'constructor\u001b[0m'])
  t.equal(far.code, 64)
  t.match(
    far.stderr,
    '"constructor\\u001b[0m" is no annotation of model-injector, and no reason; known: inject, source, ',
  )
})

t.test('explain finds a reason, in every format', async (t) => {
  t.match(
    (await runCLI(['explain', 'NotAnnotated'])).stdout,
    `skipped  NotAnnotated  ${skipReasons.NotAnnotated.slice(0, 20)}`,
  )
  t.strictSame(JSON.parse((await runCLI(['explain', 'NotAnnotated', '-o', 'json'])).stdout), [
    { outcome: 'skipped', reason: 'NotAnnotated', meaning: skipReasons.NotAnnotated },
  ])
  t.match((await runCLI(['explain', 'NotAnnotated', '-o', 'markdown'])).stdout, '| `NotAnnotated` |')
  t.match((await runCLI(['explain', 'NotAnotated'])).stderr, 'did you mean NotAnnotated?')
})

t.test('help shows a command, and topics with what the tables of the docs hold', async (t) => {
  t.equal((await runCLI(['help', 'policy', 'test'])).stdout, (await runCLI(['policy', 'test', '--help'])).stdout)
  t.equal((await runCLI(['help'])).stdout, (await runCLI(['--help'])).stdout)
  t.equal((await runCLI(['help', 'annotations'])).stdout.indexOf((await runCLI(['explain'])).stdout), 0)
  const [topics = ''] = (await runCLI(['--help'])).stdout.split('\nTopics of help:\n')[1]?.split('\n\n') ?? []
  const names = topics.split('\n').map((line) => line.trim().split(/\s{2,}/)[0] ?? '')
  t.strictSame(names, ['annotations', 'deliveries', 'exit-codes', 'configuration', 'policy', 'environment'])
  const texts = await Promise.all(
    names.map(async (name) => (await runCLI(['help', name], { env: { COLUMNS: '70' } })).stdout),
  )
  for (const text of texts) t.notMatch(text, '`')
  const [, deliveries, exits, configuration, policy, environment] = texts
  t.match(deliveries, /^mountpoint +s3:\/\/ and delivery:/m)
  t.match(exits, /^64 +the command line was not understood/m)
  t.match(exits, /^75 +no credentials in time/m)
  t.match(configuration, /^annotationPrefix +string/m)
  t.match(policy, /^Usage: model-injector policy[^]*^policy\.rules\[\]\.namespaces/m)
  t.notMatch(policy, 'annotationPrefix')
  t.match(environment, /^KUBECONFIG +kubeconfig files[^]*^serve +MODEL_INJECTOR_LOADER_IMAGE/m)
})

t.test('help of a name that is unknown suggests the nearest, also below a command', async (t) => {
  t.match(await runCLI(['help', 'exit-code']), {
    code: 64,
    stdout: '',
    stderr: '"exit-code"; did you mean exit-codes?',
  })
  t.match(await runCLI(['help', 'policy', 'tset']), { code: 64, stdout: '', stderr: '"tset"; did you mean test?' })
  t.match(await runCLI(['help', 'constructor']), { code: 64, stderr: 'known: serve, inject, ' })
})

const misspelt: readonly (readonly [line: string, meant: string])[] = [
  ['inejct -f x', 'inject'],
  ['inject --filname x', '--filename'],
  ['inject -f x -o jsn', 'json'],
  ['policy tset', 'test'],
  ['render clam', 'claim'],
  ['publish purne', 'prune'],
  ['check --delivery clam', 'claim'],
  ['audit --fail-on tamperd', 'tampered'],
  ['completion fihs', 'fish'],
]
for (const [line, meant] of misspelt) {
  t.test(`"${line}" is answered with ${meant}`, async (t) => {
    const { code, stdout, stderr } = await runCLI(line.split(' '))
    t.match([code, stdout], [64, ''])
    t.match(stderr, new RegExp(`[Dd]id you mean ${meant}\\?`))
  })
}

t.test('help is as wide as COLUMNS says, in every command', async (t) => {
  const description =
    (await runCLI(['policy', 'test', '--help'], { env: { COLUMNS: '60' } })).stdout.split('\nEvery pod')[0] ?? ''
  t.strictSame(
    description.split('\n').filter((line) => line.length > 60),
    [],
  )
  t.ok(
    (await runCLI(['policy', 'test', '--help'], { env: { COLUMNS: '200' } })).stdout
      .split('\n')
      .some((line) => line.length > 120),
  )
})

t.test('explain -o markdown prints what the reference pages hold', async (t) => {
  const page = (name: string): string => readFileSync(join(root, 'docs', name), 'utf8')
  t.ok(
    page('annotations.md').includes(
      `<!-- annotations -->\n${(await runCLI(['explain', '-o', 'markdown'])).stdout}<!-- /annotations -->`,
    ),
    'run make generate',
  )
  t.ok(
    page('reasons.md').includes(
      `<!-- reasons -->\n${(await runCLI(['explain', '--reasons', '-o', 'markdown'])).stdout}<!-- /reasons -->`,
    ),
    'run make generate',
  )
})

t.test('explain --reasons lists all of them with their outcome', async (t) => {
  const { stdout } = await runCLI(['explain', '--reasons'])
  for (const [reason, meaning] of Object.entries(skipReasons)) {
    t.match(stdout.replace(/\s+/g, ' '), `skipped ${reason} ${meaning}`)
  }
  const entries = JSON.parse((await runCLI(['explain', '--reasons', '-o', 'json'])).stdout) as { outcome: string }[]
  t.strictSame(
    [...new Set(entries.map(({ outcome }) => outcome))],
    ['skipped', 'injected', 'denied', 'failed', 'warning'],
  )
})
