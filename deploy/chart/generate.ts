/**
 * Writes the files generated from the chart: values.schema.json and README.md from the comments of values.yaml, and
 * deploy/manifests.yaml and certs/cert-manager.yaml for installations without Helm. With --check it changes nothing and
 * fails if one is out of date.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { certificateManifests, plainManifests } from './generate/manifests.ts'
import { chartReadme } from './generate/readme.ts'
import { valuesSchema } from './generate/schema.ts'

const chart = import.meta.dirname
const root = join(chart, '..', '..')

/** In this order: Helm checks the values by the schema before it renders anything. */
const products = [
  {
    file: join(chart, 'values.schema.json'),
    make: async () => valuesSchema(await readFile(join(chart, 'values.yaml'), 'utf8')),
  },
  { file: join(chart, 'README.md'), make: () => chartReadme(chart) },
  { file: join(chart, '..', 'manifests.yaml'), make: plainManifests },
  { file: join(root, 'certs', 'cert-manager.yaml'), make: certificateManifests },
] as const

const isCheck = process.argv.includes('--check')
for (const { file, make } of products) await (isCheck ? check : write)(file, await make())

async function write(file: string, text: string): Promise<void> {
  await writeFile(file, text)
}

async function check(file: string, text: string): Promise<void> {
  const found = await readFile(file, 'utf8').catch(() => undefined)
  if (found === text) return
  process.stderr.write(`${relative(root, file)} is out of date: run node deploy/chart/generate.ts\n`)
  process.exitCode = 1
}
