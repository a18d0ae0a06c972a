/** Texts that people write as a source and that are none, with what to write instead. Each form was found in public manifests. */
import { quote } from './print/printable.ts'

interface ForeignForm {
  readonly pattern: RegExp
  readonly problem: (groups: Readonly<Record<string, string | undefined>>) => string
}

const copyFirst = 'copy it to S3 and name that prefix, as s3://bucket/llama/'

/** The first that fits counts. */
const foreignForms: readonly ForeignForm[] = [
  { pattern: /^arn:[\w-]+:s3:::(?<bucket>[^/]+)(?:\/(?<key>.*))?$/, problem: (s3) => `is an ARN; write ${s3Uri(s3)}` },
  { pattern: /^arn:/, problem: () => 'is an ARN; write the bucket as s3://bucket/prefix/' },
  {
    pattern: /^(?:s3[an]|S3[AN]?):\/\/(?<rest>.*)$/,
    problem: ({ rest = '' }) => `has another scheme for S3; write ${quote(`s3://${rest}`)}`,
  },
  {
    pattern:
      /^https?:\/\/(?:[\w.-]+\.)?console\.(?:aws\.amazon|amazonaws)[\w.]*\/s3\/(?:buckets|object)\/(?<bucket>[^/?#]+).*?(?:[?&]prefix=(?<key>[^&#]*)|$)/,
    problem: (s3) => `is a page of the console; write ${s3Uri(s3)}`,
  },
  {
    pattern: /^https?:\/\/s3[.-][\w.-]*amazonaws\.com(?:\.cn)?\/(?<bucket>[^/?#]+)\/?(?<key>[^?#]*)/,
    problem: (s3) => `is the web address of ${s3Uri(s3)}; write that`,
  },
  {
    pattern: /^https?:\/\/(?<bucket>[^/]+?)\.s3[.-][\w.-]*amazonaws\.com(?:\.cn)?(?:\/(?<key>[^?#]*))?/,
    problem: (s3) => `is the web address of ${s3Uri(s3)}; write that`,
  },
  {
    pattern: /^(?:hf:\/\/|(?:https?:\/\/)?(?:www\.)?(?:huggingface\.co|hf\.co)\/)/,
    problem: () => `is at Hugging Face; ${copyFirst}`,
  },
  {
    pattern: /^(?:gs:\/\/|https?:\/\/storage\.googleapis\.com\/)/,
    problem: () => `is in Google Cloud Storage; ${copyFirst}`,
  },
  {
    pattern: /^(?:az|azure|abfss?|wasbs?):\/\/|^https?:\/\/[^/]+\.(?:blob|dfs)\.core\.windows\.net/,
    problem: () => `is in Azure Storage; ${copyFirst}`,
  },
  { pattern: /^https?:\/\//, problem: () => `is a web address, which is not downloaded; ${copyFirst}` },
  {
    pattern: /^docker:\/\/(?<rest>.*)$/,
    problem: ({ rest = '' }) => `names an image; write ${quote(`oci://${rest}`)}`,
  },
  { pattern: /^file:\/\/(?<path>\/.*)$/, problem: ({ path = '' }) => pathProblem(path) },
  { pattern: /^(?<path>\/.*)$/, problem: ({ path = '' }) => pathProblem(path) },
]

/** Says what to write instead of a source that cannot be read; undefined where it is like no form that people write. */
export function foreignSourceProblem(text: string): string | undefined {
  for (const { pattern, problem } of foreignForms) {
    const found = pattern.exec(text)
    if (found !== null) return problem(found.groups ?? {})
  }
  return undefined
}

function s3Uri({ bucket = '', key = '' }: Readonly<Record<string, string | undefined>>): string {
  return quote(`s3://${bucket}/${decoded(key)}`)
}

function decoded(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '))
  } catch {
    return key
  }
}

function pathProblem(path: string): string {
  return `is a path; write ${quote(`node://${path}`)} for a directory of the node, or pvc://claim${path} for one of a claim`
}
