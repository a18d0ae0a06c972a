/** The loader's task, read from its environment: the only way anything of a user reaches it. */
import { quote } from '../values/printable.ts'
import { parseCredentials, type Credentials } from '../values/credentials.ts'
import { parseEndpoint, parseProxy, parseRegion } from '../values/endpoint.ts'
import { parseExpectation, type Expectation } from '../values/expectation.ts'
import { parseKeyPattern } from '../values/pattern.ts'
import { parseList, parseWord, parsed, unreadable, type Parsed } from '../values/parsed.ts'
import { parseAbsolutePath } from '../values/path.ts'
import { parseCertificates } from '../values/pem.ts'
import { parseSource, type S3Source, type Source } from '../values/source.ts'

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
  /** What the volume may hold of this model; undefined where only the file system knows. */
  readonly sizeBytes: number | undefined
  readonly readOnly: boolean
  readonly credentials: Credentials
  /** On a host that builds images, and in no pod: not of the environment, which a pod's author may have a say in. */
  readonly allowInstanceProfile: boolean
  readonly endpoint: string | undefined
  readonly region: string | undefined
  /** PEM of authorities that only the operator's own servers have. */
  readonly alsoTrusted: string | undefined
  readonly timeoutSeconds: number
  readonly stallTimeoutSeconds: number
}

export type Environment = Readonly<Record<string, string | undefined>>

/** All problems at once, each naming its variable. */
export function readTask(env: Environment): { ok: true; task: LoadTask } | { ok: false; problems: readonly string[] } {
  const reader = new EnvironmentReader(env)
  const task = {
    name: reader.required('MODEL_NAME', parsed),
    source: reader.required('MODEL_SOURCE', parseS3Source),
    root: reader.required('MODEL_ROOT', parseAbsolutePath),
    id: reader.required('MODEL_ID', parseId),
    podUid: reader.optional('MODEL_POD_UID', parsePodUid) ?? 'unknown',
    include: reader.optional('MODEL_INCLUDE', parsePatterns) ?? [],
    exclude: reader.optional('MODEL_EXCLUDE', parsePatterns) ?? [],
    expect: reader.optional('MODEL_EXPECT', parseExpectation),
    sizeBytes: reader.optional('MODEL_SIZE_BYTES', parseWhole),
    readOnly: reader.optional('MODEL_READ_ONLY', parseWord(['true', 'false'])) !== 'false',
    credentials: reader.required('MODEL_CREDENTIALS', parseCredentials),
    allowInstanceProfile: false,
    endpoint: reader.optional('MODEL_ENDPOINT', parseEndpoint),
    region: reader.optional('AWS_REGION', parseRegion) ?? reader.optional('AWS_DEFAULT_REGION', parseRegion),
    alsoTrusted: reader.optional('MODEL_CA_CERTIFICATES', parseCertificates)?.join('\n'),
    timeoutSeconds: reader.required('MODEL_TIMEOUT_SECONDS', parseWhole),
    stallTimeoutSeconds: reader.required('MODEL_STALL_TIMEOUT_SECONDS', parseWhole),
  }
  for (const name of ['https_proxy', 'HTTPS_PROXY']) reader.optional(name, parseProxy)
  return isComplete(task) && reader.problems.length === 0
    ? { ok: true, task }
    : { ok: false, problems: reader.problems }
}

/** What `load --verify` is told: a path that somebody else filled. */
export interface VerifyTask {
  readonly source: Exclude<Source, S3Source>
  /** The mount of the volume. */
  readonly root: string
  readonly expect: Expectation | undefined
  /** For a file system that does not answer; undefined: as long as it takes. */
  readonly timeoutSeconds: number | undefined
}

export function readVerifyTask(
  env: Environment,
): { ok: true; task: VerifyTask } | { ok: false; problems: readonly string[] } {
  const reader = new EnvironmentReader(env)
  const source = reader.required('MODEL_SOURCE', parseMountedSource)
  const root = reader.required('MODEL_ROOT', parseAbsolutePath)
  const expect = reader.optional('MODEL_EXPECT', parseExpectation)
  const timeoutSeconds = reader.optional('MODEL_TIMEOUT_SECONDS', parseWhole)
  if (source === undefined || root === undefined || reader.problems.length > 0) {
    return { ok: false, problems: reader.problems }
  }
  return { ok: true, task: { source, root, expect, timeoutSeconds } }
}

class EnvironmentReader {
  readonly problems: string[] = []
  readonly #env: Environment

  constructor(env: Environment) {
    this.#env = env
  }

  required<T>(name: string, parse: (text: string) => Parsed<T>): T | undefined {
    if (!this.#env[name]) this.problems.push(`${name} is not set`)
    return this.optional(name, parse)
  }

  optional<T>(name: string, parse: (text: string) => Parsed<T>): T | undefined {
    const text = this.#env[name]
    if (!text) return undefined
    const result = parse(text)
    if (result.ok) return result.value
    this.problems.push(`${name} ${quote(text)} ${result.problem}`)
    return undefined
  }
}

type Draft = { readonly [Field in keyof LoadTask]: LoadTask[Field] | undefined }

function isComplete(task: Draft): task is LoadTask {
  const { name, source, root, id, credentials, timeoutSeconds, stallTimeoutSeconds } = task
  return [name, source, root, id, credentials, timeoutSeconds, stallTimeoutSeconds].every(
    (value) => value !== undefined,
  )
}

function parseS3Source(text: string): Parsed<S3Source> {
  const source = parseSource(text)
  if (!source.ok) return source
  return source.value.scheme === 's3' ? parsed(source.value) : unreadable('is not an s3:// source')
}

function parseMountedSource(text: string): Parsed<Exclude<Source, S3Source>> {
  const source = parseSource(text)
  if (!source.ok) return source
  return source.value.scheme === 's3' ? unreadable('is not mounted, but loaded') : parsed(source.value)
}

/** Becomes a directory's name, so nothing else will do. */
function parseId(text: string): Parsed<string> {
  return /^[0-9a-f]{16}$/.test(text) ? parsed(text) : unreadable('is not 16 hexadecimal digits')
}

function parsePodUid(text: string): Parsed<string> {
  return /^[0-9A-Za-z-]{1,64}$/.test(text) ? parsed(text) : unreadable('is no uid')
}

function parsePatterns(text: string): Parsed<readonly string[]> {
  return parseList(text, parseKeyPattern)
}

function parseWhole(text: string): Parsed<number> {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : 0
  return value > 0 && Number.isSafeInteger(value) ? parsed(value) : unreadable('is not a whole number of at least 1')
}
