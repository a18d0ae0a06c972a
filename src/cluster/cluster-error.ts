/** A failed request to the API server: the attempt, the answer, and the missing permission if that is the cause. */
import { AppError } from '../errors.ts'
import { printable } from '../values/print/printable.ts'

/** An RBAC permission. */
export interface Permission {
  /** Several are joined by commas. */
  readonly verb: string
  readonly group: string
  /** Plural name, with a subresource if any: `pods/proxy`. */
  readonly resource: string
  /** Undefined for all namespaces, and for cluster-scoped resources. */
  readonly namespace?: string | undefined
}

export class ClusterError extends AppError {
  /** HTTP status; undefined without an answer. */
  readonly status: number | undefined
  /** Permission that the user lacks, if that is the reason. */
  readonly missing: Permission | undefined

  constructor(
    message: string,
    { status, missing, cause }: { status?: number | undefined; missing?: Permission | undefined; cause?: unknown } = {},
  ) {
    super(
      status === undefined ? 'ClusterUnreachable' : 'ClusterRefused',
      message,
      cause === undefined ? undefined : { cause },
    )
    this.name = 'ClusterError'
    this.status = status
    this.missing = missing
  }
}

/** Error for an unexpected status. `permission` is what the request requires. */
export function refused(tried: string, status: number, body: unknown, permission?: Permission): ClusterError {
  const words = [`cannot ${tried}: HTTP ${status}`, messageIn(body)].filter((part) => part !== '').join(': ')
  if (status === 401) {
    return new ClusterError(`${words}; the API server does not know these credentials: log in again`, { status })
  }
  if (status !== 403 || permission === undefined) return new ClusterError(words, { status })
  return new ClusterError(`${words}; missing permission: ${describePermission(permission)}`, {
    status,
    missing: permission,
  })
}

export function unreachable(tried: string, server: string, cause: unknown): ClusterError {
  return new ClusterError(`cannot ${tried}: ${server} gives no answer: ${reasonOf(cause)}`, { cause })
}

/** `list mutatingwebhookconfigurations.admissionregistration.k8s.io in the whole cluster` */
export function describePermission({ verb, group, resource, namespace }: Permission): string {
  const [plural = '', subresource] = resource.split('/')
  const full = `${plural}${group === '' ? '' : `.${group}`}${subresource === undefined ? '' : `/${subresource}`}`
  return `${verb.replaceAll(',', ' and ')} ${full} in ${namespace === undefined ? 'the whole cluster' : `the namespace ${namespace}`}`
}

/** The message of a Status object; HTML pages of a proxy in between are dropped. */
function messageIn(body: unknown): string {
  const message = typeof body === 'object' && body !== null && 'message' in body ? body.message : body
  return typeof message === 'string' && message.length < 2000 && !message.includes('<html')
    ? printable(message.trim())
    : ''
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return 'the connection failed'
  // Each address tried has an error of its own.
  if (cause instanceof AggregateError && cause.message === '') return cause.errors.map(reasonOf).join(', ')
  return printable(cause.message)
}
