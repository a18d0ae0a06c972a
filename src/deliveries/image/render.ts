/** Renders the build of a model as an OCI image, and the assignment of files to layers. */
import { Mi } from '../../values/quantity.ts'
import { nothing, type Rendering } from '../../render/rendering.ts'
import { commandLine, quoteWord } from '../../values/shell.ts'

export interface ModelFile {
  /** Path below the model's directory. */
  readonly path: string
  /** Size; undefined if only names are known. */
  readonly bytes?: number
}

export const compressions = ['uncompressed', 'zstd'] as const

export interface ArtifactPlan {
  readonly repository: string
  readonly tag: string
  /** Directory with the files at build time. */
  readonly directory: string
  readonly files: readonly ModelFile[]
  readonly compression: (typeof compressions)[number]
  readonly annotationPrefix: string
}

/** Directory of the model in the image. */
const artifactDirectory = 'model'

/** Each layer costs a request and an unpacking step, which only pays off for larger files. */
const leastShardBytes = 64 * Mi

/** Overlay file systems take 128 layers at most; the rest is reserved for the registry. */
const mostLayers = 100

/** Amazon ECR's largest layer. */
const largestLayerBytes = 52_000 * Mi

const weights = /\.(?:safetensors|bin|pt|pth|gguf|ggml|onnx|h5|npz|ckpt|msgpack|mlmodel|engine|tflite)$/i

export function renderArtifact(plan: ArtifactPlan): Rendering {
  return {
    ...nothing,
    commands: [buildCommand(plan), resultCommand(plan)],
    files: [{ name: 'Dockerfile', text: dockerfile(plan) }],
    notes: notesOf(plan),
  }
}

/**
 * One layer for each shard, so that a new version pushes and pulls only changed shards; small files share the first layer.
 */
export function layersOf(files: readonly ModelFile[]): readonly (readonly ModelFile[])[] {
  const sorted = files.toSorted((a, b) => (a.path < b.path ? -1 : 1))
  const small = sorted.filter((file) => !isShard(file))
  const shards = sorted.filter(isShard)
  const perLayer = Math.ceil(shards.length / (mostLayers - 1))
  const layers = Array.from({ length: Math.ceil(shards.length / Math.max(perLayer, 1)) }, (_, i) =>
    shards.slice(i * perLayer, (i + 1) * perLayer),
  )
  return small.length === 0 ? layers : [small, ...layers]
}

function isShard({ path, bytes }: ModelFile): boolean {
  return bytes === undefined ? weights.test(path) : bytes >= leastShardBytes
}

/**
 * A COPY makes one layer and puts all its files into one directory, so files from several directories are assembled in an
 * earlier stage.
 */
export function dockerfile({ files }: ArtifactPlan): string {
  const layers = layersOf(files).map((layer, i) => ({ name: `layer${i}`, copies: copiesOf(layer) }))
  const isGathered = ({ copies }: { copies: readonly string[] }): boolean => copies.length > 1
  return [
    ...layers.filter(isGathered).map(({ name, copies }) => [`FROM scratch AS ${name}`, ...copies, ''].join('\n')),
    '# No base image: an image volume needs files alone.',
    'FROM scratch',
    '# Shards one by one: a layer that did not change is neither pushed nor pulled again.',
    ...layers.flatMap((layer) =>
      isGathered(layer)
        ? `COPY --link --from=${layer.name} /${artifactDirectory}/ /${artifactDirectory}/`
        : layer.copies,
    ),
    '',
  ].join('\n')
}

function copiesOf(files: readonly ModelFile[]): string[] {
  const directories = Map.groupBy(files, ({ path }) => path.slice(0, path.lastIndexOf('/') + 1))
  return [...directories].map(
    ([directory, inside]) =>
      `COPY --link --chmod=0644 ${JSON.stringify([...inside.map(({ path }) => path), `/${artifactDirectory}/${directory}`])}`,
  )
}

function buildCommand({ repository, tag, directory, compression }: ArtifactPlan): Rendering['commands'][number] {
  const output = [
    'type=image',
    `name=${repository}:${tag}`,
    'push=true',
    'oci-mediatypes=true',
    `compression=${compression}`,
    'force-compression=true',
    'rewrite-timestamp=true',
  ].join(',')
  return {
    comment: `${compression === 'uncompressed' ? 'Weights hardly compress, and a node unpacks faster what is not compressed.' : 'A node unpacks zstd several times faster than gzip.'} Both platforms share the layers. Times are left out, so the same files are the same image. Needs a builder of its own: docker buildx create --use.`,
    script: `SOURCE_DATE_EPOCH=0 ${commandLine('docker buildx build', [
      ['--platform', 'linux/amd64,linux/arm64'],
      ['--provenance=false'],
      ['--sbom=false'],
      ['--file', 'Dockerfile'],
      ['--metadata-file', 'build.json'],
      ['--output', output],
    ])} \\\n  ${quoteWord(directory)}`,
  }
}

function resultCommand({ repository, annotationPrefix }: ArtifactPlan): Rendering['commands'][number] {
  return {
    comment: 'The annotation of the pods, by digest: what was built is what they get, whatever becomes of the tag.',
    script: [
      `digest=$(sed -n 's/.*"containerimage.digest": *"\\(sha256:[0-9a-f]*\\)".*/\\1/p' build.json | head -n 1)`,
      'test -n "$digest"',
      `echo "${annotationPrefix}source: oci://${repository}@$digest#${artifactDirectory}"`,
    ].join('\n'),
  }
}

function notesOf({ files, repository }: ArtifactPlan): string[] {
  const large = files.filter(({ bytes = 0 }) => bytes > largestLayerBytes)
  const layers = layersOf(files).length
  return [
    `${files.length} files in ${layers} ${layers === 1 ? 'layer' : 'layers'}`,
    ...(large.length > 0 && repository.includes('.dkr.ecr')
      ? [
          `Amazon ECR takes no layer of more than ${largestLayerBytes / Mi} MiB: split ${large.map(({ path }) => path).join(', ')}`,
        ]
      : []),
  ]
}

/** Finds characters that a Dockerfile reads as a pattern, a variable or an escape. */
export function fileNameProblem(path: string): string | undefined {
  if (/[*?[\]\\$]/.test(path)) return 'has one of * ? [ ] \\ $ in its name, which a Dockerfile does not take as it is'
  if (/[\u0000-\u001f\u007f]/.test(path)) return 'has a control character in its name'
  if (
    path.startsWith('/') ||
    path.split('/').some((segment) => segment === '' || segment === '.' || segment === '..')
  ) {
    return 'is not below the directory of the model'
  }
  return undefined
}
