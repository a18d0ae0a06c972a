/** Parses an AdmissionReview of admission.k8s.io/v1: only fields in use, and only as strictly as their use requires. */

export const reviewApiVersion = 'admission.k8s.io/v1'
export const reviewKind = 'AdmissionReview'

/** UIDs of the API server have 36 characters; the limit bounds responses and logs, which repeat it. */
const longestUid = 128

export interface AdmissionRequest {
  readonly uid: string
  readonly operation: string
  /** Empty for cluster-scoped objects. */
  readonly namespace: string
  /** Empty if the API server generates the name from `generateName` later. */
  readonly name: string
  readonly dryRun: boolean
  /** False for an UPDATE, a subresource or another kind, all of which are allowed unread. */
  readonly isPodCreation: boolean
  readonly object: unknown
}

export type ReviewResult =
  | { readonly ok: true; readonly request: AdmissionRequest }
  | { readonly ok: false; readonly problem: string }

type Fields = Readonly<Record<string, unknown>>

export function readReview(body: unknown): ReviewResult {
  if (!isObject(body)) return malformed('the body is not a JSON object')
  if (body.apiVersion !== reviewApiVersion || body.kind !== reviewKind) {
    return malformed(`the body is not an ${reviewKind} of ${reviewApiVersion}`)
  }
  const { request } = body
  if (!isObject(request)) return malformed('request is missing')
  const problem = requestProblem(request)
  return problem === undefined ? { ok: true, request: readRequest(request) } : malformed(problem)
}

function requestProblem(request: Fields): string | undefined {
  const { uid, object } = request
  if (typeof uid !== 'string' || uid === '') return 'request.uid is missing'
  if (uid.length > longestUid) return `request.uid is longer than ${longestUid} characters`
  if (typeof request.operation !== 'string') return 'request.operation is missing'
  const wrong = ['namespace', 'name'].find((field) => !isAbsent(request[field]) && typeof request[field] !== 'string')
  if (wrong !== undefined) return `request.${wrong} is not a string`
  if (isPodCreation(request) && !isObject(object)) return 'request.object is missing'
  return undefined
}

function readRequest(request: Fields): AdmissionRequest {
  return {
    uid: textOf(request.uid),
    operation: textOf(request.operation),
    namespace: textOf(request.namespace),
    name: textOf(request.name),
    dryRun: request.dryRun === true,
    isPodCreation: isPodCreation(request),
    object: request.object,
  }
}

/** Other API groups also have pods: those of metrics.k8s.io have no containers to inject into. */
function isPodCreation({ operation, kind, resource, subResource }: Fields): boolean {
  return (
    operation === 'CREATE' &&
    textOf(subResource) === '' &&
    isObject(kind) &&
    kind.kind === 'Pod' &&
    textOf(kind.group) === '' &&
    isObject(resource) &&
    resource.resource === 'pods' &&
    textOf(resource.group) === ''
  )
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function malformed(problem: string): ReviewResult {
  return { ok: false, problem }
}
