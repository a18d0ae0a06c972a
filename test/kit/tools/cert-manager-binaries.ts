/** cert-manager, from pinned sources. */
import { execFile } from 'node:child_process'
import { access, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { builtBinaries, type GoBinary, type GoBinarySet } from './go-binaries.ts'

/** Absolute paths. */
export interface CertManagerBinaries {
  readonly controller: string
  readonly webhook: string
  readonly cainjector: string
  /** Its CustomResourceDefinitions, as YAML documents. */
  readonly crds: string
}

const module = new URL('../../cluster/tools/cert-manager/', import.meta.url)
const dependency = 'github.com/cert-manager/cert-manager'

// The last release of which the module proxy has the main packages.
const certManager: GoBinarySet = {
  name: 'cert-manager',
  binaries: [
    command('controller', 'about 3 minutes'),
    command('webhook', 'about 0.5 minutes'),
    {
      name: 'cainjector',
      duration: 'about 1.5 minutes',
      module: new URL('../../cluster/tools/cainjector/', import.meta.url),
      dependency,
      goPackage: '.',
      linkerFlags: () => '',
    },
  ],
  howToGoOn: 'leave the tests with a node to CI',
}

export async function certManagerBinaries(): Promise<CertManagerBinaries> {
  const directory = await builtBinaries(certManager)
  const crds = join(directory, 'crds.yaml')
  if (
    !(await access(crds).then(
      () => true,
      () => false,
    ))
  ) {
    await collectCrds(crds)
  }
  return {
    controller: join(directory, 'controller'),
    webhook: join(directory, 'webhook'),
    cainjector: join(directory, 'cainjector'),
    crds,
  }
}

function command(name: string, duration: string): GoBinary {
  return {
    name,
    duration,
    module,
    dependency,
    goPackage: `${dependency}/cmd/${name}`,
    linkerFlags: (version) => `-X ${dependency}/pkg/util.AppVersion=${version}`,
  }
}

/** They are Helm templates in the values of labels, and nowhere else. */
async function collectCrds(file: string): Promise<void> {
  const { stdout } = await promisify(execFile)('go', ['mod', 'download', '-json', dependency], {
    cwd: fileURLToPath(module),
    env: { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '-mod=mod' },
  })
  const directory = join((JSON.parse(stdout) as { Dir: string }).Dir, 'deploy', 'crds')
  const names = (await readdir(directory)).filter((name) => name.startsWith('crd-'))
  const texts = await Promise.all(names.map((name) => readFile(join(directory, name), 'utf8')))
  const lines = texts.flatMap((text) => [...text.split('\n').filter((line) => !line.includes('{{')), '---'])
  const partial = `${file}.${process.pid}.partial`
  await writeFile(partial, lines.join('\n'))
  await rename(partial, file)
}
