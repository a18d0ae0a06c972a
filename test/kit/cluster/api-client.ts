/** A client of the real API server that shows what clients see: status, body and the `Warning` headers. */
import { Agent, request, type RequestOptions } from 'node:https'
import type { KubeConfig } from '@kubernetes/client-node'
import type { ApiResponse } from '../../../src/cluster/transport.ts'
import type { Pod } from '../../../src/pod/pod.ts'
import { waitFor } from '../tools/wait-for.ts'

export interface ApiObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata?: { readonly name?: string; readonly namespace?: string; readonly [field: string]: unknown }
  readonly [field: string]: unknown
}

export interface ApiClient {
  request(method: string, path: string, body?: unknown): Promise<ApiResponse>
  /** Throws where the server does not accept it. */
  create(object: ApiObject): Promise<ApiResponse>
  /** Gives the server's answer, whatever it is. */
  tryCreate(object: ApiObject, options?: { dryRun?: boolean }): Promise<ApiResponse>
  /** Creates a namespace and waits until pods can be created in it. */
  createNamespace(name: string, labels?: Record<string, string>): Promise<void>
  pods(namespace: string): Promise<readonly Pod[]>
  close(): void
}

const collections: Readonly<Record<string, string>> = {
  Pod: 'pods',
  Deployment: 'deployments',
  ServiceAccount: 'serviceaccounts',
  ResourceQuota: 'resourcequotas',
  LimitRange: 'limitranges',
  Namespace: 'namespaces',
  RuntimeClass: 'runtimeclasses',
  MutatingWebhookConfiguration: 'mutatingwebhookconfigurations',
  ValidatingWebhookConfiguration: 'validatingwebhookconfigurations',
  CustomResourceDefinition: 'customresourcedefinitions',
  Issuer: 'issuers',
  Job: 'jobs',
}

export async function apiClient(kubeConfig: KubeConfig): Promise<ApiClient> {
  const options: RequestOptions = {}
  await kubeConfig.applyToHTTPSOptions(options)
  const server = kubeConfig.getCurrentCluster()?.server
  if (server === undefined) throw new Error('the kubeconfig names no server')
  const { ca, cert, key } = options
  const agent = new Agent({ keepAlive: true, ca, cert, key })

  async function send(method: string, path: string, body?: unknown): Promise<ApiResponse> {
    const text = body === undefined ? undefined : JSON.stringify(body)
    const response = await exchange(
      new URL(path, server),
      { method, agent, headers: { 'content-type': 'application/json' } },
      text,
    )
    return response
  }

  async function tryCreate(object: ApiObject, { dryRun = false } = {}): Promise<ApiResponse> {
    return send('POST', `${collectionPath(object)}${dryRun ? '?dryRun=All' : ''}`, object)
  }

  async function create(object: ApiObject): Promise<ApiResponse> {
    const response = await tryCreate(object)
    if (response.status !== 201) throw new Error(`${object.kind}: ${response.status} ${JSON.stringify(response.body)}`)
    return response
  }

  async function createNamespace(name: string, labels: Record<string, string> = {}): Promise<void> {
    await create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } })
    await waitFor(`the default ServiceAccount of ${name}`, async () => {
      const { status } = await send('GET', `/api/v1/namespaces/${name}/serviceaccounts/default`)
      return status === 200 ? true : undefined
    })
  }

  async function pods(namespace: string): Promise<readonly Pod[]> {
    const { body } = await send('GET', `/api/v1/namespaces/${namespace}/pods`)
    return (body as { items: Pod[] }).items
  }

  return {
    request: send,
    create,
    tryCreate,
    createNamespace,
    pods,
    close: () => {
      agent.destroy()
    },
  }
}

function collectionPath({ apiVersion, kind, metadata }: ApiObject): string {
  const collection = collections[kind]
  if (collection === undefined) throw new Error(`the test client does not know the kind ${kind}`)
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  return metadata?.namespace === undefined
    ? `${root}/${collection}`
    : `${root}/namespaces/${metadata.namespace}/${collection}`
}

function exchange(url: URL, options: RequestOptions, body: string | undefined): Promise<ApiResponse> {
  return new Promise((resolve, reject) => {
    const sent = request(url, options, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('error', reject)
      response.once('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          body: parseBody(Buffer.concat(chunks).toString()),
          warnings: readWarnings(response.rawHeaders),
        })
      })
    })
    sent.once('error', reject)
    sent.end(body)
  })
}

/** Paths of resources that the server does not have yet are answered in plain text. */
function parseBody(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** `Warning: 299 - "text"` (RFC 7234 §5.5); one header for each. */
function readWarnings(rawHeaders: readonly string[]): string[] {
  return rawHeaders.flatMap((value, i) => {
    if (i % 2 === 0 || rawHeaders[i - 1]?.toLowerCase() !== 'warning') return []
    const quoted = /^299 \S+ (".*")$/.exec(value)?.[1]
    return quoted === undefined ? [value] : [JSON.parse(quoted) as string]
  })
}
