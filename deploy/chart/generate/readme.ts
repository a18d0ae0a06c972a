/** Generates README.md from README.md.gotmpl and the comments of values.yaml, with helm-docs. */
import { execFile } from 'node:child_process'
import { copyFile, cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { helmDocsBinary } from '../../../test/kit/tools/helm-docs.ts'

export async function chartReadme(chart: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'model-injector-readme-'))
  try {
    for (const file of ['Chart.yaml', 'values.yaml', 'README.md.gotmpl']) {
      await copyFile(join(chart, file), join(directory, file))
    }
    await cp(join(chart, '.helmignore'), join(directory, '.helmignore'))
    await promisify(execFile)(await helmDocsBinary(), [
      '--chart-search-root',
      directory,
      '--sort-values-order',
      'file',
      '--log-level',
      'warning',
    ])
    return await readFile(join(directory, 'README.md'), 'utf8')
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
