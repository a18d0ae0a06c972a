/** Records which permissions the API server asked for in vain, and says how to grant them. */
import { ClusterError, describePermission, type Permission } from '../cluster/cluster-error.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { withCommands, type Finding } from '../diagnosis/finding.ts'
import type { Section } from '../diagnosis/section.ts'
import { quoteWord } from '../values/shell.ts'
import { unchecked } from './installation-findings.ts'

export interface RecordedCluster {
  readonly cluster: Cluster
  /** Grows with every refusal. */
  readonly refusals: readonly Permission[]
}

export function recordRefusals(cluster: Cluster): RecordedCluster {
  const refusals: Permission[] = []
  const record = (reason: unknown): never => {
    if (reason instanceof ClusterError && reason.missing !== undefined) refusals.push(reason.missing)
    throw reason
  }
  const recorded: Cluster = {
    ...cluster,
    get: (...args) => cluster.get(...args).catch(record),
    dryRunCreate: (...args) => cluster.dryRunCreate(...args).catch(record),
    fetchFromPod: (...args) => cluster.fetchFromPod(...args).catch(record),
    connectToPod: (...args) => cluster.connectToPod(...args).catch(record),
    async *list(...args) {
      try {
        yield* cluster.list(...args)
      } catch (reason) {
        record(reason)
      }
    },
  }
  return { cluster: recorded, refusals }
}

/** None where everything was looked at in some other way. */
export function explainRefusals(
  sections: readonly Section[],
  refusals: readonly Permission[],
  username: string | undefined,
): readonly Section[] {
  const isComplete = sections.every(({ findings }) => findings.every(({ severity }) => severity !== 'unchecked'))
  return isComplete || refusals.length === 0
    ? []
    : [{ title: 'Permissions of the caller', findings: [describeRefusals(refusals, username)] }]
}

function describeRefusals(refusals: readonly Permission[], username: string | undefined): Finding {
  const unique = [...new Map(refusals.map((permission) => [describePermission(permission), permission])).values()]
  const finding = unchecked('caller-rights', `missing permissions: ${unique.map(describePermission).join('; ')}`)
  const remedy =
    'an admin gives what is read by reader.enabled and reader.subjects of the chart, and each of them by these commands'
  return withCommands({ ...finding, remedy }, ...grants(unique, username))
}

/** A role and its binding for each verb and place. */
function grants(permissions: readonly Permission[], username: string | undefined): readonly string[] {
  const groups = Map.groupBy(permissions, ({ verb, namespace = '' }) => `${verb}/${namespace}`)
  return [...groups.values()].flatMap(([first, ...rest]) =>
    first === undefined ? [] : grant(first, [first, ...rest], subjectOf(username)),
  )
}

function grant(
  { verb, namespace }: Permission,
  permissions: readonly Permission[],
  subject: string,
): readonly string[] {
  const name = `model-injector-check-${verb.replaceAll(',', '-')}`
  const kind = namespace === undefined ? 'clusterrole' : 'role'
  const place = namespace === undefined ? '' : ` -n ${quoteWord(namespace)}`
  const resources = permissions.map(resourceText).join(',')
  return [
    `kubectl create ${kind} ${name} --verb=${verb} --resource=${quoteWord(resources)}${place}`,
    `kubectl create ${kind}binding ${name} --${kind}=${name} ${subject}${place}`,
  ]
}

/** `pods/proxy`, `deployments.apps` */
function resourceText({ group, resource }: Permission): string {
  const [plural = '', subresource] = resource.split('/')
  return `${plural}${group === '' ? '' : `.${group}`}${subresource === undefined ? '' : `/${subresource}`}`
}

function subjectOf(username = 'USER'): string {
  const [, namespace, name] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(username) ?? []
  return namespace === undefined || name === undefined
    ? `--user=${quoteWord(username)}`
    : `--serviceaccount=${quoteWord(`${namespace}:${name}`)}`
}
