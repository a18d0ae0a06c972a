/** Completion in real shells, and by kubectl: of the program as it is installed, under each of its names. */
import { execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, existsSync, readFileSync, symlinkSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { annotationNames } from '../../../src/annotations.ts'
import { commandNames } from '../../../src/cli/program.ts'
import { buildProduct } from '../../kit/tools/built-product.ts'
import { kubectlBinary } from '../../kit/tools/helm.ts'
import { placeShells } from '../../kit/tools/shells.ts'
import { waitFor } from '../../kit/tools/wait-for.ts'
import { inheritedEnvironment } from './run-cli.ts'

// The first run fetches kubectl and the shells.
t.setTimeout(900_000)

/** Runs in the place of the program, but for its completion. */
const record = `#!/bin/sh
case $1 in
__complete | completion) exec "$PROGRAM" "$@" ;;
*) printf '%s|' "$@" >"$SEEN.part" && mv "$SEEN.part" "$SEEN" ;;
esac
`
const directory = t.testdir({
  product: {},
  bin: {},
  recorder: { 'model-injector': record },
  work: { 'pod.yaml': '', manifests: {}, 'other file.txt': '' },
})
const [bin, work] = [join(directory, 'bin'), join(directory, 'work')]
const main = await buildProduct(join(directory, 'product'))
chmodSync(main, 0o755)
const { bin: names } = JSON.parse(readFileSync(join(import.meta.dirname, '../../../package.json'), 'utf8')) as {
  readonly bin: Readonly<Record<string, string>>
}
for (const name of Object.keys(names)) symlinkSync(main, join(bin, name))
await placeShells(bin)
chmodSync(join(directory, 'recorder', 'model-injector'), 0o755)
const recorder = join(directory, 'recorder')
const env = {
  ...inheritedEnvironment(),
  PATH: [bin, process.env.PATH ?? ''].join(delimiter),
  HOME: work,
  PROGRAM: join(bin, 'model-injector'),
  TERM: 'xterm',
  LANG: 'C.UTF-8',
}

async function run(file: string, args: readonly string[]): Promise<string> {
  return (await promisify(execFile)(file, [...args], { env, cwd: work })).stdout
}

/** Asks the program as shells do. */
async function ask(...words: readonly string[]): Promise<readonly string[]> {
  return (await run('model-injector', ['__complete', ...words])).trimEnd().split('\n')
}

async function namesFor(...words: readonly string[]): Promise<readonly string[]> {
  return (await ask(...words)).slice(0, -1).map((line) => line.split('\t')[0] ?? '')
}

t.test('commands, commands below them, and their aliases', async (t) => {
  t.strictSame(await namesFor(''), commandNames)
  t.match(await ask('inj'), [/^inject\tadd to manifests/, ':4'])
  t.strictSame(await namesFor('policy', ''), ['test', 'help'])
  t.ok((await namesFor('render', '')).includes('claim'))
  t.strictSame(await namesFor('policy', 'test', ''), [])
})

t.test('options of the command, once each unless they may be repeated, and of the default command', async (t) => {
  t.match(await ask('inject', '--fi'), [/^--filename\tfile, directory/, ':4'])
  t.ok((await namesFor('inject', '-f', 'a.yaml', '--')).includes('--filename'))
  t.notOk((await namesFor('inject', '-o', 'json', '--')).includes('--output'))
  t.notOk((await namesFor('inject', '-qo', 'json', '--')).includes('--quiet'))
  t.ok((await namesFor('render', '--acc')).includes('--account-id'))
  t.ok((await namesFor('render', 'claim', '--file-')).includes('--file-system-id'))
  t.strictSame(await namesFor('inject', '-f'), ['-f'])
})

t.test(
  'values of options: words, words of a list, files, directories, and nothing where nothing is known',
  async (t) => {
    t.strictSame(await ask('inject', '-o', ''), ['yaml', 'json', 'patch', ':4'])
    t.strictSame(await ask('inject', '--output=j'), ['json', ':4'])
    t.strictSame(await ask('audit', '--fail-on', 'error,tam'), ['error,tampered', ':6'])
    t.strictSame(await ask('check', '--delivery', 'cl'), ['claim', ':4'])
    t.strictSame(await ask('inject', '-f', 'p'), [':0'])
    t.strictSame(await ask('serve', '--tls-dir', ''), [':16'])
    t.strictSame(await ask('inject', '-n', ''), [':4'])
  },
)

t.test('arguments: annotations and reasons, kinds, shells, topics', async (t) => {
  t.strictSame((await namesFor('explain', '')).slice(0, annotationNames.length), annotationNames)
  t.match(await ask('explain', 'NotAll'), [/^NotAllowed\t/, ':4'])
  t.strictSame(await ask('why', 'deployment'), ['deployment/', ':6'])
  t.strictSame(await namesFor('completion', ''), ['bash', 'zsh', 'fish'])
  t.match(await ask('help', 'exit'), [/^exit-codes\t/, ':4'])
  t.strictSame(await ask('help', 'exit-codes', ''), [':4'])
})

t.test('a line that makes no sense has no completion, and is no error', async (t) => {
  for (const words of [
    ['nothing', ''],
    ['inject', '--unknown=x', '--unknown='],
    ['--', ''],
    ['explain', '--', '-'],
  ]) {
    t.match((await ask(...words)).at(-1), /^:\d+$/, words.join(' '))
  }
})

t.test('bash completes words that it splits at an equals sign, and runs nothing that was typed', async (t) => {
  const complete = async (line: string, words: readonly string[]): Promise<string> =>
    run('bash', [
      '--norc',
      '-c',
      `source <(model-injector completion bash); source <(model-injector completion bash)
      COMP_LINE=$1 COMP_POINT=\${#1} COMP_CWORD=$(($# - 2)) COMP_WORDS=("\${@:2}")
      _model_injector && echo "\${COMPREPLY[*]}"`,
      'bash',
      line,
      ...words,
    ])
  t.equal(await complete('model-injector exp', ['model-injector', 'exp']), 'explain\n')
  t.equal(
    await complete('model-injector audit --output=po', ['model-injector', 'audit', '--output', '=', 'po']),
    'policyreport\n',
  )
  t.equal(
    await complete('model-injector audit -o ', ['model-injector', 'audit', '-o', '']),
    'table json csv sarif junit policyreport openreports\n',
  )
  await complete('model-injector why $(touch ran) `touch ran` ', [
    'model-injector',
    'why',
    '$(touch ran)',
    '`touch ran`',
    '',
  ])
  t.notOk(existsSync(join(work, 'ran')))
})

t.test('fish completes with descriptions, after an equals sign, and names of files', async (t) => {
  const complete = async (line: string): Promise<readonly string[]> =>
    (await run('fish', ['-c', `model-injector completion fish | source; complete -C '${line}'`])).trimEnd().split('\n')
  t.match(await complete('model-injector inj'), [/^inject\tadd to manifests/])
  t.strictSame(await complete('model-injector audit --output=po'), ['--output=policyreport'])
  t.match(await complete('model-injector inject -f p'), [/^pod\.yaml/])
  t.match(await complete('model-injector inject --filename=man'), [/^--filename=manifests\//])
})

/** The arguments of what runs when a line is typed into a shell: Tab completes, Enter runs. */
async function typed(shell: string, setUp: string, keys: string): Promise<string> {
  const seen = join(directory, `${randomUUID()}.txt`)
  const typing = spawn('script', ['-qfec', shell, '/dev/null'], {
    env: { ...env, PATH: [recorder, env.PATH].join(delimiter), SEEN: seen },
    cwd: work,
  })
  let screen = ''
  typing.stdout.on('data', (text: Buffer) => (screen += text.toString()))
  try {
    typing.stdin.write(
      `${setUp}; echo READY-$((2 + 2))\n`.replace('$((2 + 2))', shell === 'fish' ? '(math 2 + 2)' : '$((2 + 2))'),
    )
    await waitFor(`${shell} to be ready`, async () => (await Promise.resolve(screen)).includes('READY-4') || undefined)
    typing.stdin.write(`${keys}\n`)
    return await waitFor(`${shell} to run the line`, async () => readFile(seen, 'utf8'))
  } catch (error) {
    throw new Error(`${shell} has shown: ${JSON.stringify(screen)}`, { cause: error })
  } finally {
    typing.kill()
    await once(typing, 'close')
  }
}

const setUps: Readonly<Record<string, string>> = {
  'bash --norc -i': 'source <(model-injector completion bash)',
  'zsh -i': 'autoload -Uz compinit; compinit -u -D; source <(model-injector completion zsh)',
  fish: 'model-injector completion fish | source',
}

for (const [shell, setUp] of Object.entries(setUps)) {
  t.test(`the Tab key completes in ${shell.split(' ')[0] ?? ''}`, async (t) => {
    t.equal(await typed(shell, setUp, 'model-injector exp\tsiz\t'), 'explain|size|')
    t.equal(
      await typed(shell, setUp, 'model-injector aud\t--output=po\t-f pod\t'),
      'audit|--output=policyreport|-f|pod.yaml|',
    )
    t.equal(await typed(shell, setUp, 'model-injector why dep\tx'), 'why|deployment/x|')
  })
}

t.test('kubectl runs the program as its plugin, whose help says so, and completes it', async (t) => {
  const kubectl = await kubectlBinary()
  const help = await run(kubectl, ['model-injector', 'inject', '--help'])
  t.match(help, /^Usage: kubectl model-injector inject \[options\]/)
  t.match(help, '\n  kubectl model-injector inject -f deployment.yaml --diff\n')
  t.match(help, '| kubectl model-injector inject -f - -o json')
  t.notMatch(help, /kubectl kubectl|registry\.example\.com\/kubectl/)
  const complete = async (...words: readonly string[]): Promise<string> =>
    run(kubectl, ['__complete', 'model-injector', ...words])
  t.match(await complete('inj'), /^inject\tadd to manifests.*\n:4\n/)
  t.match(await complete('audit', '-o', 'po'), /^policyreport\n:4\n/)
  t.match(await complete('inject', '-f', ''), /^:0\n/)
  t.match(await complete('inject', '--filen'), /^--filename\t/)
})
