/**
 * Writes Events from inside a pod, with its own service account. The webhook needs nothing else from the API server, so it
 * does without the client library, which takes longer to load than the rest of the webhook.
 */
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { Agent, request } from 'node:https'
import { isIPv6 } from 'node:net'
import { join } from 'node:path'
import { json, text } from 'node:stream/consumers'
import { AppError } from '../errors.ts'
import { version } from '../version.ts'
import { ClusterError, refused, unreachable } from './cluster-error.ts'

export interface InClusterEvents {
  /** An existing Event of this name was written by an earlier attempt whose answer was lost. */
  readonly create: (namespace: string, event: object) => Promise<void>
  /** False if the Event does not exist. */
  readonly patch: (namespace: string, name: string, patch: object) => Promise<boolean>
  readonly close: () => void
}

interface Call {
  readonly method: 'POST' | 'PATCH'
  readonly path: string
  readonly contentType: string
  readonly body: object
}

const timeoutMs = 5_000
const group = 'events.k8s.io'

/** Throws an AppError outside a pod with a service account's token. */
export function inClusterEvents(
  directory: string,
  environment: Readonly<Record<string, string | undefined>>,
): InClusterEvents {
  const server = serverUrl(environment)
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: readAuthority(directory) })

  async function send(call: Call, verb: string, namespace: string): Promise<number> {
    const tried = `${verb} Event`
    const { status, body } = await exchange(call).catch((cause: unknown) => {
      throw unreachable(tried, server, cause)
    })
    if (status === (verb === 'patch' ? 404 : 409)) return status
    if (status < 200 || status > 299) throw refused(tried, status, body, { verb, group, resource: 'events', namespace })
    return status
  }

  async function exchange({ method, path, contentType, body }: Call): Promise<{ status: number; body: unknown }> {
    // Read each time, because the kubelet renews the token every hour.
    const token = (await readFile(join(directory, 'token'), 'utf8')).trim()
    const headers = {
      accept: 'application/json',
      'content-type': contentType,
      authorization: `Bearer ${token}`,
      'user-agent': `model-injector/${version}`,
    }
    return await respond(new URL(path, server), { method, headers, agent }, JSON.stringify(body))
  }

  return {
    create: async (namespace, event) => {
      await send(
        { method: 'POST', path: eventsPath(namespace), contentType: 'application/json', body: event },
        'create',
        namespace,
      )
    },
    patch: async (namespace, name, patch) => {
      const path = `${eventsPath(namespace)}/${encodeURIComponent(name)}`
      return (
        (await send(
          { method: 'PATCH', path, contentType: 'application/merge-patch+json', body: patch },
          'patch',
          namespace,
        )) !== 404
      )
    },
    close: () => {
      agent.destroy()
    },
  }
}

function eventsPath(namespace: string): string {
  return `/apis/${group}/v1/namespaces/${encodeURIComponent(namespace)}/events`
}

/** Address from the environment variables that the kubelet sets in every container. */
function serverUrl({
  KUBERNETES_SERVICE_HOST: host,
  KUBERNETES_SERVICE_PORT: port,
}: Readonly<Record<string, string | undefined>>): string {
  if (!host || !port) throw notInCluster('KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set')
  return `https://${isIPv6(host) ? `[${host}]` : host}:${port}`
}

function readAuthority(directory: string): Buffer {
  try {
    readFileSync(join(directory, 'token'))
    return readFileSync(join(directory, 'ca.crt'))
  } catch (cause) {
    throw notInCluster(
      `${directory} has no token and ca.crt that can be read; does the pod set automountServiceAccountToken?`,
      cause,
    )
  }
}

function notInCluster(problem: string, cause?: unknown): AppError {
  return new ClusterError(`--events needs the service account of a pod: ${problem}`, { cause })
}

function respond(
  url: URL,
  options: { method: string; headers: Record<string, string>; agent: Agent },
  payload: string,
): Promise<{ status: number; body: unknown }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { ...options, signal: AbortSignal.timeout(timeoutMs) }, (response) => {
      const isJSON = response.headers['content-type']?.startsWith('application/json') === true
      const body: Promise<unknown> = isJSON ? json(response) : text(response)
      body.then((read) => {
        resolve({ status: response.statusCode ?? 0, body: read })
      }, reject)
    })
    sent.once('error', reject)
    sent.end(payload)
  })
}
