/** Manifests are read as the real kubectl reads them: what it accepts has the same value here. */
import { execFile } from 'node:child_process'
import { devNull } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { mkdir, writeFile } from 'node:fs/promises'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { readDocuments } from '../../src/cli/manifests/documents.ts'
import { comparable } from '../kit/cli/comparable.ts'
import { everyWord, fields } from '../kit/cli/yaml-texts.ts'
import { kubectlBinary } from '../kit/tools/helm.ts'
import { caseCount } from '../kit/tools/long-runs.ts'

const seed = Number(process.env.FAST_CHECK_SEED ?? 20260101)
// The first run on a machine builds kubectl from source.
t.setTimeout(45 * 60_000)

interface Read {
  readonly metadata: { readonly name: string }
  readonly data: unknown
}

/** The objects that kubectl reads from files in one folder, by name; it names those that it refuses, and goes on. */
async function readByKubectl(folder: string): Promise<ReadonlyMap<string, unknown>> {
  const args = ['annotate', '--local', '-f', folder, '-o', 'json', 'read-by=kubectl']
  const env = { PATH: process.env.PATH ?? '', HOME: folder, KUBECONFIG: devNull }
  const stdout = await promisify(execFile)(await kubectlBinary(), args, { env, maxBuffer: 2 ** 28 }).then(
    (done) => done.stdout,
    (error: unknown) => (error as { stdout: string }).stdout,
  )
  const objects = stdout
    .split(/\n(?=\{)/)
    .filter((text) => text.trim() !== '')
    .map((text) => JSON.parse(text) as Read)
  return new Map(objects.map(({ metadata: { name }, data }) => [name, data]))
}

function readHere(file: string, text: string): { readonly data: unknown } | { readonly problem: string } {
  try {
    const [document] = readDocuments([{ name: file, text }])
    return { data: comparable((document?.value as Read).data) }
  } catch (error) {
    return { problem: (error as Error).message }
  }
}

function manifest(name: string, text: string): string {
  return `apiVersion: example.com/v1\nkind: Example\nmetadata: {name: ${name}}\ndata:\n${text}`
}

async function compare(t: Test, texts: readonly string[], least: number): Promise<void> {
  const folder = join(t.testdir({}), 'manifests')
  await mkdir(folder)
  const named = texts.map((text, i) => [`n${i}`, manifest(`n${i}`, text)] as const)
  await Promise.all(named.map(([name, text]) => writeFile(join(folder, `${name}.yaml`), text)))
  const theirs = await readByKubectl(folder)
  t.ok(theirs.size >= least, `kubectl accepts ${theirs.size} of ${texts.length}`)
  for (const [name, text] of named) {
    if (!theirs.has(name)) continue
    t.strictSame(readHere(name, text), { data: theirs.get(name) }, text.slice(text.indexOf('\ndata:')))
  }
}

t.test('every word that may be a number, a boolean, a date or nothing is the same, as value and as key', async (t) => {
  await compare(t, everyWord, everyWord.length / 2)
})

t.test('so is text between brackets that ends in a colon', async (t) => {
  const texts = ['[2001:db8::, a]', '[a :]', '{a:}', '{a: b:, c::}', '[{a: 1:}]', '{"a":{},"b":}', '[a\n   :]']
  await compare(
    t,
    texts.map((text) => `  a: ${text}\n`),
    texts.length,
  )
})

t.test('so is any document', async (t) => {
  const count = caseCount({ short: 400, long: 8000 })
  const texts = fc.sample(fields, { numRuns: count, seed })
  await compare(t, texts, count / 10)
})
