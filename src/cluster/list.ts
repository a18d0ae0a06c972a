/** Lists in pages, so that ten thousand pods take no more memory than five hundred. */
import { refused, type Permission } from './cluster-error.ts'
import type { ListOptions } from './cluster.ts'
import type { KubernetesObject } from './objects.ts'
import { apiVersionOf, pathOf, type Resource } from './resources.ts'
import type { ApiResponse, Transport } from './transport.ts'

const defaultPageSize = 500

interface Page {
  readonly items: readonly object[]
  /** Token of the next page; undefined on the last. */
  readonly next: string | undefined
}

/** Objects that are created or deleted meanwhile may or may not be included. */
export async function* list<T extends KubernetesObject>(
  transport: Transport,
  resource: Resource<T>,
  options: ListOptions = {},
): AsyncGenerator<T, void, undefined> {
  const type = { apiVersion: apiVersionOf(resource), kind: resource.kind }
  let next: string | undefined
  do {
    const page: Page = await fetchPage(transport, resource, options, next)
    // Items of a list lack apiVersion and kind.
    for (const item of page.items) yield { ...type, ...item } as T
    next = page.next
  } while (next !== undefined)
}

async function fetchPage(
  transport: Transport,
  resource: Resource,
  options: ListOptions,
  next: string | undefined,
): Promise<Page> {
  const tried = `list ${resource.plural}${options.namespace === undefined || !resource.namespaced ? '' : ` in the namespace ${options.namespace}`}`
  const answer = await transport.send({
    tried,
    method: 'GET',
    path: `${pathOf(resource, options.namespace)}?${queryOf(options, next)}`,
  })
  if (answer.status === 200) return pageOf(answer)
  const later = answer.status === 410 ? continuationOf(answer.body) : undefined
  // The API server has forgotten the state of the first page (after 5 minutes); it offers to continue with the current
  // state.
  if (later !== undefined && later !== next) return { items: [], next: later }
  throw refused(tried, answer.status, answer.body, permissionOf(resource, options))
}

function pageOf({ body }: ApiResponse): Page {
  return { items: (body as { items?: readonly object[] | null }).items ?? [], next: continuationOf(body) }
}

function continuationOf(body: unknown): string | undefined {
  const token = (body as { metadata?: { continue?: string } } | undefined)?.metadata?.continue
  return token === '' ? undefined : token
}

function queryOf(
  { labelSelector, fieldSelector, pageSize = defaultPageSize }: ListOptions,
  next: string | undefined,
): string {
  const query = { limit: String(pageSize), labelSelector, fieldSelector, continue: next }
  return new URLSearchParams(
    Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined),
  ).toString()
}

function permissionOf({ group, plural, namespaced }: Resource, { namespace }: ListOptions): Permission {
  return { verb: 'list', group, resource: plural, namespace: namespaced ? namespace : undefined }
}
