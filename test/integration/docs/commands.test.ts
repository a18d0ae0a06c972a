/** Every command of ours that the pages show is one that the program understands. Nothing is run. */
import { CommanderError, type Command } from 'commander'
import t from 'tap'
import { buildProgram } from '../../../src/cli/program.ts'
import { invocationsOf, splitCommands } from './commands.ts'
import { codeOf, parsePage, readPages } from './markdown.ts'

const pages = readPages()

for (const page of pages) {
  const invocations = page.blocks.filter(({ language }) => ['sh', 'console'].includes(language)).flatMap(invocationsOf)
  if (invocations.length === 0) continue
  t.test(`the commands of ${page.file} are understood`, async (t) => {
    for (const { line, args } of invocations) {
      t.equal(await understand(args), undefined, `line ${line}: model-injector ${args.join(' ')}`)
    }
  })
}

/** The objection of the program. */
async function understand(args: readonly string[]): Promise<string | undefined> {
  try {
    await onlyParse(await buildProgram(args[0])).parseAsync(args, { from: 'user' })
    return undefined
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? undefined : error.message
    throw error
  }
}

function onlyParse(command: Command): Command {
  command.exitOverride().configureOutput({ writeOut: () => undefined, writeErr: () => undefined })
  // A command without an action of its own shows its help.
  if (command.commands.length === 0) command.action(() => undefined)
  command.commands.forEach(onlyParse)
  return command
}

// In text and tables commands are shortened, as `model-injector render download …`; their names and options exist all the same.
for (const page of pages) {
  const shown = codeOf(page).filter(
    ({ text }) => text.startsWith('model-injector ') && !text.startsWith('model-injector -'),
  )
  if (shown.length === 0) continue
  t.test(`the commands in the text of ${page.file} exist`, async (t) => {
    for (const { line, text } of shown) {
      t.strictSame(await unknownIn(text.split(' ').slice(1)), [], `line ${line}: ${text}`)
    }
  })
}

async function unknownIn(words: readonly string[]): Promise<readonly string[]> {
  const program = await buildProgram(words[0])
  const command = program.commands.find((candidate) => candidate.name() === words[0])
  if (command === undefined) return words.slice(0, 1)
  const below = command.commands.find((candidate) => candidate.name() === words[1])
  const known = [command, ...(below === undefined ? command.commands : [below])].flatMap(({ options }) =>
    options.flatMap(({ short, long }) => [short, long]),
  )
  return words.slice(1).filter((word) => /^--?[a-z]/.test(word) && word !== '--help' && !known.includes(word))
}

t.test('a command that does not exist, and an option that does not, are found', async (t) => {
  t.match(await understand(['rendr', 's3']), /unknown command/)
  t.match(await understand(['render', 'download', '--nonsense']), /unknown option '--nonsense'/)
  t.match(await understand(['render', 's4']), /too many arguments|unknown command/)
  t.match(await understand(['explain', 'size', 'more']), /too many arguments/)
  t.equal(await understand(['render', 'download', '--help']), undefined)
  t.strictSame(await unknownIn(['rendr']), ['rendr'])
  t.strictSame(await unknownIn(['render', 'download', '--nonsense']), ['--nonsense'])
})

t.test('commands are found after pipes, prompts, comments and line ends', (t) => {
  const text =
    'a |\n```sh\n# model-injector no\nmodel-injector x -f "a b" \\\n  --o=\'c|d\' > out.yaml && model-injector y; z | model-injector w -f - 2> err # model-injector no\n```\n```console\n$ model-injector v\nmodel-injector no\n```\n'
  const found = parsePage('page.md', text).blocks.flatMap(invocationsOf)
  t.strictSame(
    found.map(({ line, args }) => [line, ...args]),
    [
      [4, 'x', '-f', 'a b', '--o=c|d'],
      [4, 'y'],
      [4, 'w', '-f', '-'],
      [8, 'v'],
    ],
  )
  t.strictSame(splitCommands(''), [])
  t.end()
})
