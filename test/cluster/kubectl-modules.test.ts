/** YAML files of the projects that the tests' tools are built from have the same values here as in kubectl. Go checks them by go.sum. */
import { execFile } from 'node:child_process'
import { glob, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual, promisify } from 'node:util'
import t from 'tap'
import { goEnvironment } from '../../deploy/image/go.ts'
import { AppError } from '../../src/errors.ts'
import { readDocuments, type ManifestDocument } from '../../src/cli/manifests/documents.ts'
import { readManifestFiles } from '../../src/cli/manifests/input.ts'
import { comparable } from '../kit/cli/comparable.ts'
import { caseCount } from '../kit/tools/long-runs.ts'
import { readAsKubectl, type KubectlDocument } from '../kit/tools/yaml-reader.ts'

// The first run on a machine downloads the modules and builds the reader.
t.setTimeout(45 * 60_000)

interface Source {
  /** The directory, below test/, of the go.mod that pins it. */
  readonly pins: string
  readonly module: string
}

const inEveryRun: readonly Source[] = [
  { pins: 'cluster/tools/k8s', module: 'k8s.io/kubernetes' },
  { pins: 'cluster/tools/containerd', module: 'github.com/containerd/containerd/v2' },
  { pins: 'loader/tools/versitygw', module: 'github.com/versity/versitygw' },
  { pins: 'chart/tools/helm-docs', module: 'github.com/norwoodj/helm-docs' },
]

/** Those of `make test-peers`, and files of megabytes. */
const inLongRuns: readonly Source[] = [
  { pins: 'cluster/tools/cainjector', module: 'github.com/cert-manager/cert-manager' },
  { pins: 'peers/tools/vault', module: 'github.com/hashicorp/vault-k8s' },
  { pins: 'peers/tools/eks', module: 'github.com/aws/amazon-eks-pod-identity-webhook' },
  { pins: 'peers/tools/istio', module: 'istio.io/istio' },
]

/** Lines that end in a carriage return alone: no program writes them, and the parser refuses the file. */
const knownDifferences: readonly string[] = ['releasenotes/notes/45413.yaml']

/** Documents, but for the files. */
interface Comparison {
  files: number
  accepted: number
  refusedByBoth: number
  refusedByKubectl: number
  readonly differences: string[]
}

const isLong = caseCount({ short: 0, long: 1 }) === 1

t.test('every document of these projects that kubectl accepts has the same value here', async (t) => {
  const sources = isLong ? [...inEveryRun, ...inLongRuns] : inEveryRun
  const comparison: Comparison = { files: 0, accepted: 0, refusedByBoth: 0, refusedByKubectl: 0, differences: [] }
  for (const source of sources) await compareModule(source, comparison)
  const { differences, ...counts } = comparison
  t.comment(`${sources.length} modules: ${JSON.stringify(counts)}`)
  t.strictSame(differences, [], 'no difference')
  t.ok(counts.files >= (isLong ? 4000 : 800), `${counts.files} files were compared`)
  t.ok(counts.accepted >= (isLong ? 5000 : 900), `kubectl accepts ${counts.accepted} documents`)
})

t.test('the reader has the version of the API server', async (t) => {
  const [pinned, server] = await Promise.all(
    ['yaml-reader', 'k8s'].map(async (folder) =>
      readFile(join(import.meta.dirname, 'tools', folder, 'go.mod'), 'utf8'),
    ),
  )
  const version = /k8s\.io\/apimachinery => k8s\.io\/apimachinery (\S+)/.exec(server ?? '')?.[1]
  t.match(pinned, `require k8s.io/apimachinery ${version ?? 'of no version'}\n`)
})

async function compareModule(source: Source, comparison: Comparison): Promise<void> {
  const directory = await moduleDirectory(source)
  const files: string[] = []
  for await (const name of glob('**/*.{yaml,yml}', { cwd: directory })) {
    const isKnown = knownDifferences.includes(name)
    if (!isKnown && (await stat(join(directory, name))).isFile()) files.push(join(directory, name))
  }
  const theirs = Map.groupBy(await readAsKubectl(files), ({ file }) => file)
  comparison.files += files.length
  for (const file of files) compareFile(file, theirs.get(file) ?? [], await readHere(file), comparison)
}

async function moduleDirectory({ pins, module }: Source): Promise<string> {
  const cwd = join(import.meta.dirname, '..', pins)
  const env = { ...process.env, ...goEnvironment }
  const { stdout } = await promisify(execFile)('go', ['mod', 'download', '-json', module], { cwd, env })
  return (JSON.parse(stdout) as { readonly Dir: string }).Dir
}

type HereRead = Pick<ManifestDocument, 'value' | 'problem'>

async function readHere(file: string): Promise<readonly HereRead[]> {
  try {
    const documents = readDocuments(await readManifestFiles([file]))
    return documents.filter(({ value, problem }) => value !== null || problem !== undefined)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return [{ value: null, problem: error.message }]
  }
}

/** After a document that kubectl refuses it reads no more of the file, and nothing is compared. */
function compareFile(
  file: string,
  theirs: readonly KubectlDocument[],
  ours: readonly HereRead[],
  into: Comparison,
): void {
  for (const [index, document] of theirs.entries()) {
    const here = ours[index] ?? { value: null, problem: 'no document' }
    if ('problem' in document) into[here.problem === undefined ? 'refusedByKubectl' : 'refusedByBoth']++
    else compareDocument(`${file}, document ${index + 1}`, document.value, here, into)
  }
  const isWhole = theirs.every((document) => 'value' in document)
  if (isWhole && ours.length > theirs.length) {
    into.differences.push(`${file}: ${ours.length} documents, not ${theirs.length}`)
  }
}

function compareDocument(place: string, value: unknown, here: HereRead, comparison: Comparison): void {
  comparison.accepted++
  if (here.problem === undefined && isDeepStrictEqual(comparable(here.value), comparable(value))) return
  comparison.differences.push(`${place}: ${here.problem ?? 'another value'}`)
}
