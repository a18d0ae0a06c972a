/** Reads the loader's task from its environment, its only input from a user. */
import { loaderVariables, type LoaderTaskKind, type LoaderValue, type LoaderVariableName } from '../loader-contract.ts'
import type { Credentials } from '../values/credentials.ts'
import { parseProxy, parseRegion, type Addressing } from '../values/s3/endpoint.ts'
import { defaultS5cmdPath, type EngineName } from '../values/engine.ts'
import type { Expectation } from '../values/expectation.ts'
import type { Parsed } from '../values/parsed.ts'
import { quote } from '../values/print/printable.ts'
import { s3SourceProblem, type S3Source, type Source } from '../values/source.ts'
import type { Reuse } from '../values/volume.ts'

export interface LoadTask {
  readonly name: string
  readonly source: S3Source
  /** The mount of the volume. */
  readonly root: string
  /** The directory of this model on the volume, 16 hexadecimal digits. */
  readonly id: string
  readonly podUid: string
  readonly include: readonly string[]
  readonly exclude: readonly string[]
  readonly expect: Expectation | undefined
  /** Bytes that the volume may hold of this model; undefined without a size annotation. */
  readonly sizeBytes: number | undefined
  readonly readOnly: boolean
  /** Undefined for a volume of the pod's own, which nothing but the pod's own loaders wrote. */
  readonly reuse: Reuse | undefined
  /** True where an object without a checksum of the whole must not be loaded. */
  readonly requireChecksums: boolean
  readonly credentials: Credentials
  /** True on a host that builds images, never in a pod. Not read from the environment, which a pod's author may influence. */
  readonly allowInstanceProfile: boolean
  /** Origin and perhaps path, without a slash at the end. */
  readonly endpoint: string | undefined
  /** Undefined for the usual one of the endpoint and the bucket. */
  readonly addressing: Addressing | undefined
  readonly requesterPays: boolean
  /** Region of the bucket. */
  readonly region: string | undefined
  /** Region of the cluster, whose STS is asked. */
  readonly clusterRegion: string | undefined
  /** PEM of authorities that only the operator's own servers have. */
  readonly alsoTrusted: string | undefined
  readonly timeoutSeconds: number
  readonly stallTimeoutSeconds: number
  readonly engine: EngineName
  readonly s5cmdPath: string
}

export type Environment = Readonly<Record<string, string | undefined>>

/** Reads all variables and reports all problems at once, each with its variable. */
export function readTask(env: Environment): { ok: true; task: LoadTask } | { ok: false; problems: readonly string[] } {
  const reader = new EnvironmentReader(env, 'load')
  const clusterRegion = reader.read('AWS_REGION') ?? reader.parse('AWS_DEFAULT_REGION', parseRegion)
  const task = {
    name: reader.read('MODEL_NAME'),
    source: readS3Source(reader),
    root: reader.read('MODEL_ROOT'),
    id: reader.read('MODEL_ID'),
    podUid: reader.read('MODEL_POD_UID', 'unknown'),
    include: reader.read('MODEL_INCLUDE', []),
    exclude: reader.read('MODEL_EXCLUDE', []),
    expect: reader.read('MODEL_EXPECT'),
    sizeBytes: reader.read('MODEL_SIZE_BYTES'),
    readOnly: reader.read('MODEL_READ_ONLY', true),
    reuse: reader.read('MODEL_REUSE'),
    requireChecksums: reader.read('MODEL_REQUIRE_CHECKSUMS', false),
    credentials: reader.read('MODEL_CREDENTIALS'),
    allowInstanceProfile: false,
    endpoint: reader.read('MODEL_ENDPOINT'),
    addressing: reader.read('MODEL_ADDRESSING'),
    requesterPays: reader.read('MODEL_REQUESTER_PAYS', false),
    region: reader.read('MODEL_REGION') ?? clusterRegion,
    clusterRegion,
    alsoTrusted: reader.read('MODEL_CA_CERTIFICATES')?.join('\n'),
    timeoutSeconds: reader.read('MODEL_TIMEOUT_SECONDS'),
    stallTimeoutSeconds: reader.read('MODEL_STALL_TIMEOUT_SECONDS'),
    engine: reader.read('MODEL_ENGINE', 'native'),
    s5cmdPath: reader.read('MODEL_S5CMD_PATH', defaultS5cmdPath),
  }
  for (const name of ['https_proxy', 'HTTPS_PROXY']) reader.parse(name, parseProxy)
  return isComplete(task) && reader.problems.length === 0
    ? { ok: true, task }
    : { ok: false, problems: reader.problems }
}

/** The task of `load --verify`: a path that is filled by others. */
export interface VerifyTask {
  readonly source: Exclude<Source, S3Source>
  /** The mount of the volume. */
  readonly root: string
  readonly expect: Expectation | undefined
  /** Limit for a file system that does not answer; undefined for none. */
  readonly timeoutSeconds: number | undefined
}

export function readVerifyTask(
  env: Environment,
): { ok: true; task: VerifyTask } | { ok: false; problems: readonly string[] } {
  const reader = new EnvironmentReader(env, 'verify')
  const source = readMountedSource(reader)
  const root = reader.read('MODEL_ROOT')
  const expect = reader.read('MODEL_EXPECT')
  const timeoutSeconds = reader.read('MODEL_TIMEOUT_SECONDS')
  if (source === undefined || root === undefined || reader.problems.length > 0) {
    return { ok: false, problems: reader.problems }
  }
  return { ok: true, task: { source, root, expect, timeoutSeconds } }
}

/** The webhook has decided about whole buckets already. */
function readS3Source(reader: EnvironmentReader): S3Source | undefined {
  const source = reader.read('MODEL_SOURCE')
  if (source === undefined) return undefined
  const problem =
    source.scheme === 's3'
      ? s3SourceProblem(source, { endpoint: reader.text('MODEL_ENDPOINT'), allowWholeBucket: true })
      : 'is not an s3:// source'
  if (problem !== undefined) reader.refuse('MODEL_SOURCE', problem)
  return source.scheme === 's3' ? source : undefined
}

function readMountedSource(reader: EnvironmentReader): Exclude<Source, S3Source> | undefined {
  const source = reader.read('MODEL_SOURCE')
  if (source?.scheme !== 's3') return source
  reader.refuse('MODEL_SOURCE', 'is not mounted, but loaded')
  return undefined
}

class EnvironmentReader {
  readonly problems: string[] = []
  readonly #env: Environment
  readonly #task: LoaderTaskKind

  constructor(env: Environment, task: LoaderTaskKind) {
    this.#env = env
    this.#task = task
  }

  read<N extends LoaderVariableName>(name: N, byDefault: LoaderValue<N>): LoaderValue<N>
  read<N extends LoaderVariableName>(name: N): LoaderValue<N> | undefined
  read<N extends LoaderVariableName>(name: N, byDefault?: LoaderValue<N>): LoaderValue<N> | undefined {
    const { parse, requiredBy } = loaderVariables[name]
    if (!this.#env[name] && requiredBy.includes(this.#task)) this.problems.push(`${name} is not set`)
    return this.parse(name, parse as (text: string) => Parsed<LoaderValue<N>>) ?? byDefault
  }

  /** An empty variable counts as not set. */
  text(name: string): string | undefined {
    return this.#env[name] === '' ? undefined : this.#env[name]
  }

  parse<T>(name: string, parse: (text: string) => Parsed<T>): T | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const result = parse(text)
    if (result.ok) return result.value
    this.refuse(name, result.problem)
    return undefined
  }

  refuse(name: string, problem: string): void {
    this.problems.push(`${name} ${quote(this.#env[name] ?? '')} ${problem}`)
  }
}

type Draft = { readonly [Field in keyof LoadTask]: LoadTask[Field] | undefined }

function isComplete(task: Draft): task is LoadTask {
  const { name, source, root, id, credentials, timeoutSeconds, stallTimeoutSeconds } = task
  return [name, source, root, id, credentials, timeoutSeconds, stallTimeoutSeconds].every(
    (value) => value !== undefined,
  )
}
