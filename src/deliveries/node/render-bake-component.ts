/**
 * The Image Builder component for the build host: downloads the model with the fail-closed loader, and verifies the result.
 */
import { formatLoaderEnv } from '../../loader-contract.ts'
import { modelId } from '../download/inject.ts'
import type { Expectation } from '../../values/expectation.ts'
import type { S3Source } from '../../values/source.ts'
import { printTreeAsYAML } from '../../render/print.ts'
import { loginLines } from '../../render/registry.ts'
import { quoteWord } from '../../values/shell.ts'
import { explain, type Branch, type Tree } from '../../render/tree.ts'

/** Files at a path of the node, or an image in the store of its containerd. */
export type Baked =
  | {
      readonly kind: 'files'
      readonly source: S3Source
      readonly path: string
      readonly expect?: Expectation | undefined
      readonly loaderImage: string
      readonly bucketRegion: string
    }
  | { readonly kind: 'image'; readonly reference: string }

const manifestName = 'manifest.sha256'

const volumeRoot = '/models-volume'

/** Prefix of Image Builder expressions, which are replaced anywhere in a component. */
export const imageBuilderExpression = '{{'

export function bakeDocument(baked: Baked): string {
  return printTreeAsYAML([
    {
      name: 'bake-model',
      schemaVersion: '1.0',
      phases: baked.kind === 'files' ? filePhases(baked) : imagePhases(baked.reference),
    },
  ])
}

function filePhases(baked: Extract<Baked, { kind: 'files' }>): readonly Tree[] {
  return [
    phase('build', [step('Load', loadScript(baked)), step('Manifest', manifestScript(baked))]),
    phase('validate', [step('Verify', verifyScript(baked.path))]),
    explain(
      'Once more on an instance of the new image, before it is distributed.',
      phase('test', [step('Verify', verifyScript(baked.path))]),
    ),
  ]
}

function phase(name: string, steps: readonly Tree[]): Branch {
  return { name, steps }
}

function step(name: string, lines: readonly string[]): Tree {
  return {
    name,
    action: 'ExecuteBash',
    timeoutSeconds: 7200,
    inputs: { commands: [`set -euo pipefail\n${lines.join('\n')}\n`] },
  }
}

/** The staging directory is a sibling of the path, so that the model appears by one rename in one file system. */
function loadScript({
  source,
  path,
  expect,
  loaderImage,
  bucketRegion,
}: Extract<Baked, { kind: 'files' }>): readonly string[] {
  const staging = quoteWord(`${path}.loading`)
  const id = modelId({ source, endpoint: undefined, region: undefined, include: [], exclude: [], expect })
  const env = formatLoaderEnv({
    MODEL_NAME: 'model',
    MODEL_SOURCE: source,
    MODEL_ROOT: volumeRoot,
    MODEL_ID: id,
    MODEL_POD_UID: 'image-builder',
    MODEL_CREDENTIALS: { kind: 'pod-identity' },
    MODEL_EXPECT: expect,
    MODEL_TIMEOUT_SECONDS: 7000,
    MODEL_STALL_TIMEOUT_SECONDS: 300,
    AWS_REGION: bucketRegion,
  })
  return [
    '# An existing directory belongs to someone else.',
    `test ! -e ${quoteWord(path)}`,
    'systemctl start containerd',
    ...loginLines(loaderImage),
    `install -d -o 65532 -g 65532 ${staging}`,
    '# The network of the host, for the role of this instance; nothing but the loader may use that role.',
    'nerdctl --namespace model-bake run --rm --network host \\',
    `  --volume ${staging}:${volumeRoot} \\`,
    ...env.map(({ name, value }) => `  --env ${quoteWord(`${name}=${value}`)} \\`),
    `  ${quoteWord(loaderImage)} load --allow-instance-profile`,
    `mv -T ${staging}/${id}/files ${quoteWord(path)}`,
    `rm -r ${staging}`,
    `chown -R root:root ${quoteWord(path)}`,
    `nerdctl --namespace model-bake rmi --force ${quoteWord(loaderImage)}`,
  ]
}

/** A manifest that came with the model is kept, because it has its publisher's checksums. */
function manifestScript({ path }: Extract<Baked, { kind: 'files' }>): readonly string[] {
  return [
    `cd ${quoteWord(path)}`,
    `if [ ! -e ${manifestName} ]; then`,
    '  list=$(mktemp)',
    '  find . -type f -printf \'%P\\0\' | sort --zero-terminated | xargs --null sha256sum -- > "$list"',
    `  install -m 0644 "$list" ${manifestName}`,
    '  rm "$list"',
    'fi',
    '# For the annotation expect: manifest=manifest.sha256@sha256:...',
    `sha256sum ${manifestName}`,
  ]
}

function verifyScript(path: string): readonly string[] {
  return [
    `cd ${quoteWord(path)}`,
    `sha256sum --check --strict --quiet ${manifestName}`,
    '# And no files but those that the manifest names.',
    `test "$(find . -type f ! -path ./${manifestName} | wc -l)" -eq "$(grep -c . ${manifestName})"`,
  ]
}

function imagePhases(reference: string): readonly Tree[] {
  const image = quoteWord(reference)
  const check = [
    'systemctl start containerd',
    '# Every layer is there, whole.',
    `ctr --namespace k8s.io images check "name==${reference}" | grep --quiet ' complete '`,
  ]
  return [
    phase('build', [
      step('Pull', [
        'systemctl start containerd',
        ...loginLines(reference),
        '# Into the store of the kubelet; containerd compares every layer with its digest.',
        `nerdctl --namespace k8s.io pull --quiet ${image}`,
        '# The kubelet does not collect what is pinned, however full the disk is.',
        `ctr --namespace k8s.io images label ${image} io.cri-containerd.pinned=pinned`,
      ]),
    ]),
    phase('validate', [step('Verify', check)]),
    explain(
      'Once more on an instance of the new image, before it is distributed.',
      phase('test', [step('Verify', check)]),
    ),
  ]
}
