/** What the API server did not do: what was tried, what it answered, and which permission would help. */
import { AppError } from '../errors.ts'
import { printable } from '../values/printable.ts'

/** What a rule of RBAC has to allow. */
export interface Permission {
  readonly verb: string
  readonly group: string
  /** With its subresource, as `pods/proxy`. */
  readonly resource: string
  /** Undefined for all namespaces, and for what is in none. */
  readonly namespace?: string | undefined
}

export class ClusterError extends AppError {
  /** Of HTTP; undefined where no answer came. */
  readonly status: number | undefined
  /** What the user lacks, where that is the reason. */
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

/** An answer that was none of those that were hoped for. `permission` is what the request needs. */
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
function describePermission({ verb, group, resource, namespace }: Permission): string {
  const [plural = '', subresource] = resource.split('/')
  const full = `${plural}${group === '' ? '' : `.${group}`}${subresource === undefined ? '' : `/${subresource}`}`
  return `${verb} ${full} in ${namespace === undefined ? 'the whole cluster' : `the namespace ${namespace}`}`
}

/** The message of a Status object; a proxy in between answers with pages, which nobody wants to read here. */
function messageIn(body: unknown): string {
  const message = typeof body === 'object' && body !== null && 'message' in body ? body.message : body
  return typeof message === 'string' && message.length < 2000 && !message.includes('<html')
    ? printable(message.trim())
    : ''
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return 'the connection failed'
  // Every address of a host that was tried has an error of its own.
  if (cause instanceof AggregateError && cause.message === '') return cause.errors.map(reasonOf).join(', ')
  return printable(cause.message)
}
