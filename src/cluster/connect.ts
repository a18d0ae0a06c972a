/** Connects to the cluster of a kubeconfig. */
import { refused, type Permission } from './cluster-error.ts'
import type { Cluster, DryRun, PodPort, ServerVersion } from './cluster.ts'
import { connectToPod } from './connect-to-pod.ts'
import { list } from './list.ts'
import { loadKubeconfig, type ConnectOptions } from './load-kubeconfig.ts'
import type { KubernetesObject } from './objects.ts'
import { pathOf, type Resource } from './resources.ts'
import { discoveryFormat, readDiscovery, type ServedKind } from './served-kinds.ts'
import { transportOf, type Call, type Transport } from './transport.ts'

/** Makes no request yet. Throws an AppError if the choice of cluster is not clear. */
export function connectCluster(options: ConnectOptions): Cluster {
  const kubeConfig = loadKubeconfig(options)
  const transport = transportOf(kubeConfig)
  const context = kubeConfig.getCurrentContext()
  return {
    server: kubeConfig.getCurrentCluster()?.server ?? '',
    context,
    clusterName: kubeConfig.getCurrentCluster()?.name ?? '',
    namespace: kubeConfig.getContextObject(context)?.namespace ?? 'default',
    get: (resource, name, namespace) => get(transport, resource, name, namespace),
    list: (resource, listOptions) => list(transport, resource, listOptions),
    dryRunCreate: (resource, object, namespace) => dryRunCreate(transport, resource, object, namespace),
    servedKinds: () => servedKinds(transport),
    serverVersion: () => serverVersion(transport),
    whoAmI: () => whoAmI(transport),
    canI: (verb, resource, { namespace, subresource } = {}) =>
      canI(transport, permission(verb, resource, namespace, subresource)),
    fetchFromPod: (pod, path) => fetchFromPod(transport, pod, path),
    connectToPod: (pod) => connectToPod(kubeConfig, pod),
    close: () => {
      transport.close()
    },
  }
}

async function get<T extends KubernetesObject>(
  transport: Transport,
  resource: Resource<T>,
  name: string,
  namespace?: string,
): Promise<T | undefined> {
  const tried = `get ${resource.kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`
  const { status, body } = await transport.send({ tried, method: 'GET', path: pathOf(resource, namespace, name) })
  if (status === 200) return body as T
  if (status === 404) return undefined
  throw refused(tried, status, body, permission('get', resource, namespace))
}

async function dryRunCreate(
  transport: Transport,
  resource: Resource,
  object: unknown,
  namespace?: string,
): Promise<DryRun> {
  const tried = `create ${resource.kind} as a dry run`
  const { status, body, warnings } = await transport.send({
    tried,
    method: 'POST',
    path: `${pathOf(resource, namespace)}?dryRun=All`,
    body: object,
  })
  if (status === 201) return { created: true, object: body as KubernetesObject, warnings }
  const needed = permission('create', resource, namespace)
  // Pod Security and quotas also answer 403.
  if (status === 401 || (status === 403 && !(await canI(transport, needed)))) throw refused(tried, status, body, needed)
  const { reason = '', message = '' } = body as { reason?: string; message?: string }
  return { created: false, status, reason, message, warnings }
}

async function servedKinds(transport: Transport): Promise<readonly ServedKind[]> {
  const tried = 'list the kinds of the cluster'
  const read = async (path: string): Promise<readonly ServedKind[]> =>
    readDiscovery(await ask(transport, { tried, method: 'GET', path, accept: discoveryFormat }))
  return (await Promise.all(['/api', '/apis'].map(read))).flat()
}

async function serverVersion(transport: Transport): Promise<ServerVersion> {
  const { gitVersion, major, minor } = (await ask(transport, {
    method: 'GET',
    tried: 'ask for the version of the API server',
    path: '/version',
  })) as Record<string, string>
  // Managed clusters report versions as `1.31+`.
  return {
    gitVersion: gitVersion ?? '',
    major: Number.parseInt(major ?? '', 10),
    minor: Number.parseInt(minor ?? '', 10),
  }
}

async function whoAmI(transport: Transport): ReturnType<Cluster['whoAmI']> {
  const review = await ask(transport, {
    method: 'POST',
    tried: 'ask who I am',
    path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' },
  })
  const { username = '', groups = [] } =
    (review as { status?: { userInfo?: { username?: string; groups?: string[] } } }).status?.userInfo ?? {}
  return { username, groups }
}

async function canI(transport: Transport, { verb, group, resource: full, namespace }: Permission): Promise<boolean> {
  const [resource, subresource] = full.split('/')
  const review = await ask(transport, {
    method: 'POST',
    tried: 'ask what I may do',
    path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { verb, group, resource, subresource, namespace } },
    },
  })
  return (review as { status?: { allowed?: boolean } }).status?.allowed === true
}

async function fetchFromPod(transport: Transport, { namespace, name, port }: PodPort, path: string): Promise<string> {
  const tried = `fetch ${path} from port ${port} of the pod ${namespace}/${name}`
  const target = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}:${port}/proxy${path}`
  const { status, body } = await transport.send({ tried, method: 'GET', path: target })
  if (status === 200) return typeof body === 'string' ? body : JSON.stringify(body)
  throw refused(tried, status, body, { verb: 'get', group: '', resource: 'pods/proxy', namespace })
}

async function ask(transport: Transport, call: Call): Promise<unknown> {
  const { status, body } = await transport.send(call)
  if (status !== 200 && status !== 201) throw refused(call.tried, status, body)
  return body
}

function permission(
  verb: string,
  { group, plural, namespaced }: Resource,
  namespace?: string,
  subresource?: string,
): Permission {
  return {
    verb,
    group,
    resource: subresource === undefined ? plural : `${plural}/${subresource}`,
    namespace: namespaced ? namespace : undefined,
  }
}
