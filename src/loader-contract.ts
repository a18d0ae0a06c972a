/**
 * The environment of the loader, a row for each variable: the webhook, the renderings and the publisher write it, the loader reads
 * it. User input reaches the loader in no other way.
 */
import { formatCredentials, parseCredentials } from './values/credentials.ts'
import { addressings, parseEndpoint, parseRegion } from './values/s3/endpoint.ts'
import { defaultS5cmdPath, engines, type EngineName } from './values/engine.ts'
import { formatExpectation, parseExpectation } from './values/expectation.ts'
import { parseBoolean } from './values/forms.ts'
import { parseKeyPattern } from './values/pattern.ts'
import { parseList, parseWord, parsed, unreadable, type Parsed } from './values/parsed.ts'
import { parseAbsolutePath } from './values/path.ts'
import { parseCertificates } from './values/pem.ts'
import { parseSource } from './values/source.ts'
import { reuses } from './values/volume.ts'

/** `load` downloads a model; `verify` checks a mounted one. */
const loaderTasks = ['load', 'verify'] as const
export type LoaderTaskKind = (typeof loaderTasks)[number]

interface LoaderVariable<T> {
  readonly description: string
  /** The tasks that read it. */
  readonly readBy: readonly LoaderTaskKind[]
  /** The tasks that cannot start without it. */
  readonly requiredBy: readonly LoaderTaskKind[]
  readonly parse: (text: string) => Parsed<T>
  /** Undefined for the default value, which needs no variable. */
  readonly format: (value: T) => string | undefined
}

export const loaderVariables = {
  MODEL_NAME: variable({
    description: 'name of the model, for messages',
    readBy: loaderTasks,
    requiredBy: loaderTasks,
    parse: parsed,
    format: String,
  }),
  MODEL_SOURCE: variable({
    description: 'the source: `s3://` to load, `pvc://` or `node://` to verify',
    readBy: loaderTasks,
    requiredBy: loaderTasks,
    parse: parseSource,
    format: ({ uri }) => uri,
  }),
  MODEL_ROOT: variable({
    description: 'mount path of the whole volume',
    readBy: loaderTasks,
    requiredBy: loaderTasks,
    parse: parseAbsolutePath,
    format: String,
  }),
  MODEL_ID: variable({
    description: 'directory of the model on the volume, 16 hexadecimal digits',
    readBy: ['load'],
    requiredBy: ['load'],
    parse: parseId,
    format: String,
  }),
  MODEL_INCLUDE: variable({
    description: 'patterns of keys to load, a comma list',
    readBy: ['load'],
    requiredBy: [],
    parse: parsePatterns,
    format: formatPatterns,
  }),
  MODEL_EXCLUDE: variable({
    description: 'patterns of keys to leave out, a comma list',
    readBy: ['load'],
    requiredBy: [],
    parse: parsePatterns,
    format: formatPatterns,
  }),
  MODEL_EXPECT: variable({
    description: 'contents that the model must have, as in the annotation `expect`',
    readBy: loaderTasks,
    requiredBy: [],
    parse: parseExpectation,
    format: formatExpectation,
  }),
  MODEL_SIZE_BYTES: variable({
    description: 'bytes that the volume may hold of the model',
    readBy: ['load'],
    requiredBy: [],
    parse: parseWhole,
    format: String,
  }),
  MODEL_READ_ONLY: variable({
    description: '`false`: the app may write to the files',
    readBy: ['load'],
    requiredBy: [],
    parse: parseBoolean,
    format: (readOnly) => (readOnly ? undefined : 'false'),
  }),
  MODEL_REUSE: variable({
    description:
      "set where the volume may outlive the pod: `verify` compares what is there with S3, `trust-own` believes its marker and the evidence of the loader's own user while S3 or the credentials cannot be reached; without it, the volume is the pod's own",
    readBy: ['load'],
    requiredBy: [],
    parse: parseWord(reuses),
    format: String,
  }),
  MODEL_REQUIRE_CHECKSUMS: variable({
    description: '`true`: refuse objects for which neither S3 nor a manifest has a checksum of the whole',
    readBy: ['load'],
    requiredBy: [],
    parse: parseBoolean,
    format: formatFlag,
  }),
  MODEL_CREDENTIALS: variable({
    description: 'identity that signs requests, as in the annotation `credentials`',
    readBy: ['load'],
    requiredBy: ['load'],
    parse: parseCredentials,
    format: formatCredentials,
  }),
  MODEL_ENDPOINT: variable({
    description: 'URL of an S3-compatible server, with a path where its S3 interface has one',
    readBy: ['load'],
    requiredBy: [],
    parse: parseEndpoint,
    format: String,
  }),
  MODEL_ADDRESSING: variable({
    description:
      'place of the bucket in requests: `path` or `virtual` (in the host name); without it, `path` at an endpoint and for a bucket with a dot, else `virtual`',
    readBy: ['load'],
    requiredBy: [],
    parse: parseWord(addressings),
    format: String,
  }),
  MODEL_REQUESTER_PAYS: variable({
    description: '`true`: the account of the credentials pays for requests and traffic',
    readBy: ['load'],
    requiredBy: [],
    parse: parseBoolean,
    format: formatFlag,
  }),
  MODEL_TIMEOUT_SECONDS: variable({
    description: 'seconds after which the loader gives up',
    readBy: loaderTasks,
    requiredBy: ['load'],
    parse: parseWhole,
    format: String,
  }),
  MODEL_STALL_TIMEOUT_SECONDS: variable({
    description: 'seconds without a byte after which the loader gives up',
    readBy: ['load'],
    requiredBy: ['load'],
    parse: parseWhole,
    format: String,
  }),
  MODEL_REGION: variable({
    description: 'region of the bucket, where it is not that of the cluster',
    readBy: ['load'],
    requiredBy: [],
    parse: parseRegion,
    format: String,
  }),
  AWS_REGION: variable({
    description:
      'region of the cluster, as the identity webhook of EKS adds it, before AWS_DEFAULT_REGION: for STS, and for a bucket without a region of its own',
    readBy: ['load'],
    requiredBy: [],
    parse: parseRegion,
    format: String,
  }),
  MODEL_POD_UID: variable({
    description:
      'uid of the pod: loaders of several pods may meet on one volume, and each stages in a directory of its own',
    readBy: ['load'],
    requiredBy: [],
    parse: parsePodUid,
    format: String,
  }),
  MODEL_ENGINE: variable({
    description: 'program that moves the bytes: `native`, which is the loader itself, or `s5cmd`',
    readBy: ['load'],
    requiredBy: [],
    parse: parseWord(engines),
    format: (engine: EngineName) => (engine === 'native' ? undefined : engine),
  }),
  MODEL_S5CMD_PATH: variable({
    description: 'path of the binary of `s5cmd`',
    readBy: ['load'],
    requiredBy: [],
    parse: parseAbsolutePath,
    format: (path) => (path === defaultS5cmdPath ? undefined : path),
  }),
  MODEL_CA_CERTIFICATES: variable({
    description: "PEM of authorities that only the operator's own servers have",
    readBy: ['load'],
    requiredBy: [],
    parse: parseCertificates,
    format: (blocks) => blocks.join('\n'),
  }),
} as const

export type LoaderVariableName = keyof typeof loaderVariables
export type LoaderValue<N extends LoaderVariableName> =
  (typeof loaderVariables)[N] extends LoaderVariable<infer T> ? T : never

export type LoaderValues = { readonly [N in LoaderVariableName]?: LoaderValue<N> | undefined }

/** Formats the variables in the order of the table, without undefined and default values. */
export function formatLoaderEnv(values: LoaderValues): { readonly name: LoaderVariableName; readonly value: string }[] {
  return loaderVariableNames.flatMap((name) => {
    const text = formatValue(name, values[name])
    return text === undefined ? [] : [{ name, value: text }]
  })
}

function formatValue(name: LoaderVariableName, value: unknown): string | undefined {
  const format = loaderVariables[name].format as (value: unknown) => string | undefined
  return value === undefined ? undefined : format(value)
}

export const loaderVariableNames = Object.keys(loaderVariables) as LoaderVariableName[]

/** The variables without which a task cannot start. */
export function requiredVariables(task: LoaderTaskKind): readonly LoaderVariableName[] {
  return loaderVariableNames.filter((name) => loaderVariables[name].requiredBy.includes(task))
}

function variable<T>(row: LoaderVariable<T>): LoaderVariable<T> {
  return row
}

/** Strict, because the id becomes the name of a directory. */
function parseId(text: string): Parsed<string> {
  return /^[0-9a-f]{16}$/.test(text) ? parsed(text) : unreadable('is not 16 hexadecimal digits')
}

function parsePodUid(text: string): Parsed<string> {
  return /^[0-9A-Za-z-]{1,64}$/.test(text) ? parsed(text) : unreadable('is no uid')
}

function parsePatterns(text: string): Parsed<readonly string[]> {
  return parseList(text, parseKeyPattern)
}

function formatPatterns(patterns: readonly string[]): string | undefined {
  return patterns.length === 0 ? undefined : patterns.join(',')
}

function formatFlag(set: boolean): string | undefined {
  return set ? 'true' : undefined
}

function parseWhole(text: string): Parsed<number> {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : 0
  return value > 0 && Number.isSafeInteger(value) ? parsed(value) : unreadable('is not a whole number of at least 1')
}
