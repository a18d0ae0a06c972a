/**
 * The output on the pages is that of the commands. `<!-- output -->` stands before a block with parts of what the command
 * above it prints; a line with … stands for what is left out.
 */
import { join } from 'node:path'
import t from 'tap'
import { runCLI } from '../cli/run-cli.ts'
import { invocationsOf } from './commands.ts'
import { readPages, repositoryRoot, type DocsPage } from './markdown.ts'

t.setTimeout(300_000)

const shown = readPages().flatMap((page) =>
  page.blocks.filter(({ marker }) => marker === 'output').map((block) => ({ page, block })),
)

t.test('each page of a delivery shows output', (t) => {
  for (const { file } of readPages().filter(({ file }) => file.startsWith('docs/deliveries/'))) {
    t.ok(
      shown.some(({ page }) => page.file === file),
      file,
    )
  }
  t.end()
})

for (const { page, block } of shown) {
  t.test(`${page.file}, line ${block.line}: this is what the command prints`, async (t) => {
    const { code, stdout, stderr } = await runCLI(commandAbove(page, block.line), { cwd: t.testdir() })
    t.equal(code, 0, stderr)
    t.equal(firstMissing(block.text, stdout), undefined)
  })
}

function commandAbove({ blocks }: DocsPage, line: number): readonly string[] {
  const last = blocks.filter((block) => block.line < line && block.language === 'sh').at(-1)
  const [invocation] = last === undefined ? [] : invocationsOf(last)
  return (invocation?.args ?? []).map((word) => (word.startsWith('examples') ? join(repositoryRoot, word) : word))
}

/** The first part that the output does not have after the parts before it. */
function firstMissing(excerpt: string, output: string): string | undefined {
  const lines = output.split('\n')
  let from = 0
  for (const part of excerpt.split(/^ *…\n/m)) {
    const wanted = part.trimEnd().split('\n')
    const at = lines.findIndex((_line, i) => i >= from && isSameShape(wanted, lines.slice(i, i + wanted.length)))
    if (at < 0) return part
    from = at + wanted.length
  }
  return undefined
}

/** Excerpts may stand less deep than in the whole. */
function isSameShape(a: readonly string[], b: readonly string[]): boolean {
  return withoutIndent(a) === withoutIndent(b)
}

function withoutIndent(lines: readonly string[]): string {
  const indent = /^ */.exec(lines[0] ?? '')?.[0].length ?? 0
  return lines.map((line) => line.slice(Math.min(indent, /^ */.exec(line)?.[0].length ?? 0))).join('\n')
}

t.test('parts are found in their order and depth, and nowhere else', (t) => {
  t.equal(firstMissing('a:\n  b: 1\n…\nd: 2\n', 'x:\n  a:\n    b: 1\n  c: 0\nd: 2\n'), undefined)
  t.equal(firstMissing('d: 2\n…\na:\n', 'a:\nd: 2\n'), 'a:\n')
  t.equal(firstMissing('a:\nb: 1\n', 'a:\n  b: 1\n'), 'a:\nb: 1\n')
  t.end()
})
