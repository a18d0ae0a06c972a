/** Every example of docs/render.md runs, and every flag that it names exists. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runShared } from '../integration/cli/run-shared.ts'

t.setTimeout(300_000)

const root = join(import.meta.dirname, '..', '..')
const page = readFileSync(join(root, 'docs', 'render.md'), 'utf8')

const examples = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block = '']) =>
  block
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line.startsWith('model-injector')),
)

t.test('there are examples of every command', (t) => {
  for (const command of ['-f', 'download', 'claim', 'node', 'mountpoint', 'image']) {
    t.ok(
      examples.some((example) => example.startsWith(`model-injector render ${command} `)),
      command,
    )
  }
  t.end()
})

for (const [i, example] of examples.entries()) {
  t.test(`example ${i + 1} runs: ${example.replaceAll(/ +/g, ' ').slice(0, 60)}`, async (t) => {
    const [command = ''] = example.split(/ [|>] /)
    const directory = t.testdir()
    const args = command
      .trim()
      .split(/ +/)
      .slice(1)
      .map((word) => (word.startsWith('examples') ? join(root, word) : word))
    const { code, stdout, stderr } = await runShared(args, { cwd: directory })
    t.equal(code, 0, stderr)
    t.not(stdout, '')
  })
}

t.test('the output of a mistake is that of the command', async (t) => {
  const [, command = '', shown = ''] = /```console\n\$ model-injector (.*)\n([\s\S]*?)```/.exec(page) ?? []
  const { code, stderr } = await runShared(command.split(' '))
  t.equal(code, 64)
  t.equal(stderr, shown)
})

t.test('every flag that it names exists', async (t) => {
  const help = await Promise.all(
    ['manifests', 'download', 'claim', 'node', 'mountpoint', 'image'].map(
      async (name) => (await runShared(['render', name, '--help'])).stdout,
    ),
  )
  const named = new Set([...page.matchAll(/(?<=[\s`(])--[a-z][a-z-]+/g)].map(([flag]) => flag))
  for (const flag of named) {
    t.ok(
      help.some((text) => text.includes(`${flag} `) || text.includes(`${flag}\n`)),
      flag,
    )
  }
})
