/** The reader of kubectl: the decoder of Kubernetes at the version of the tests' API server, for whole trees of files. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { once } from 'node:events'
import { builtBinaries, type GoBinary } from './go-binaries.ts'

/** An empty document is none. The first that is refused is the last of its file. */
export type KubectlDocument = { readonly file: string } & ({ readonly value: unknown } | { readonly problem: string })

const yamlReader: GoBinary = {
  name: 'yaml-reader',
  module: new URL('../../cluster/tools/yaml-reader/', import.meta.url),
  dependency: 'k8s.io/apimachinery',
  goPackage: '.',
  linkerFlags: () => '',
  duration: 'some seconds',
}

export async function readAsKubectl(files: readonly string[]): Promise<readonly KubectlDocument[]> {
  const set = { name: yamlReader.name, binaries: [yamlReader], howToGoOn: 'leave the tests with Go to CI' }
  const program = join(await builtBinaries(set), yamlReader.name)
  const child = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(`${files.join('\n')}\n`)
  const [lines, [code]] = await Promise.all([text(child.stdout), once(child, 'close') as Promise<[number | null]>])
  if (code !== 0) throw new Error(`${program} ended with ${code ?? 'a signal'}`)
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as KubectlDocument)
}
