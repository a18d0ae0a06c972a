/** Checks the pull secrets for a model: those of the pods and of their service accounts. */
import type { Secret } from '../../cluster/objects.ts'
import { resources } from '../../cluster/resources.ts'
import { quoteWord } from '../../values/shell.ts'
import { withCommands, type Finding } from '../../diagnosis/finding.ts'
import { error, ok, unchecked, warning } from './checks.ts'
import { lookup, valueOf, type Lookup } from '../../diagnosis/lookup.ts'
import type { DeliveryCheckContext } from '../shared/check-context.ts'
import type { Consumer, RequestedModel } from '../shared/requested-model.ts'

export async function checkSecrets(
  question: DeliveryCheckContext,
  { source, consumers }: RequestedModel,
): Promise<readonly Finding[]> {
  const registry = (source.scheme === 'oci' ? source.reference : '').split('/')[0] ?? ''
  const names = [...new Set((await Promise.all(consumers.map((consumer) => secretNames(question, consumer)))).flat())]
  if (names.length === 0) {
    return [ok('pull-secrets', `none: nodes pull from ${registry} with their own role, or it is public`)]
  }
  const secrets = await Promise.all(
    names.map(async (name) => ({
      name,
      secret: await lookup(() => question.cluster.get(resources.secrets, name, question.namespace)),
    })),
  )
  const findings = secrets.flatMap(({ name, secret }) =>
    judgeSecret(name, secret, { registry, namespace: question.namespace }),
  )
  const isForRegistry = secrets.some(
    ({ secret }) =>
      secret.state === 'found' && registriesOf(secret.value).some((one) => matchesRegistry(one, registry)),
  )
  if (findings.length > 0 || isForRegistry) {
    return findings.length > 0 ? findings : [ok('pull-secrets', `${names.join(', ')}: there, and for ${registry}`)]
  }
  return [
    withCommands(
      warning(
        'pull-secrets',
        `${names.join(', ')}: none is for ${registry}`,
        'add one for it, unless nodes pull from there with their own role',
      ),
      createSecret(`${names[0] ?? 'registry'}-models`, question.namespace, registry),
    ),
  ]
}

/** The admission plugin ServiceAccount adds the account's secrets to pods that name none. */
async function secretNames(
  { cluster, namespace }: DeliveryCheckContext,
  { spec, serviceAccount }: Consumer,
): Promise<readonly string[]> {
  const own = (spec.imagePullSecrets ?? []).flatMap(({ name }) => name ?? [])
  if (own.length > 0) return own
  const account = valueOf(await lookup(() => cluster.get(resources.serviceAccounts, serviceAccount, namespace)))
  return (account?.imagePullSecrets ?? []).flatMap(({ name }) => name ?? [])
}

function judgeSecret(
  name: string,
  secret: Lookup<Secret>,
  { registry, namespace }: { registry: string; namespace: string },
): readonly Finding[] {
  if (secret.state === 'unknown') return [unchecked('pull-secrets', secret.why)]
  if (secret.state === 'absent') {
    return [
      withCommands(
        error('pull-secrets', `there is no secret ${namespace}/${name}`, 'create it, with a user of the registry'),
        createSecret(name, namespace, registry),
      ),
    ]
  }
  if (secret.value.type === 'kubernetes.io/dockerconfigjson' || secret.value.type === 'kubernetes.io/dockercfg') {
    return []
  }
  return [
    error(
      'pull-secrets',
      `the secret ${namespace}/${name} is of the type ${String(secret.value.type)}, with which nothing is pulled`,
      'create it again with kubectl create secret docker-registry',
    ),
  ]
}

function createSecret(name: string, namespace: string, registry: string): string {
  return `kubectl create secret docker-registry ${quoteWord(name)} -n ${namespace} --docker-server=${quoteWord(registry)} --docker-username="$REGISTRY_USER" --docker-password="$REGISTRY_PASSWORD"`
}

/** Reads only names of registries; no other content of a secret is used. */
function registriesOf({ data = {} }: Secret): readonly string[] {
  const { '.dockerconfigjson': current, '.dockercfg': legacy } = data
  const parsed = parseJSON(Buffer.from(current ?? legacy ?? '', 'base64').toString())
  return Object.keys((current === undefined ? parsed : (parsed as { auths?: object | null }).auths) ?? {})
}

/** Unreadable content counts as no registry. */
function parseJSON(text: string): object {
  try {
    return Object(JSON.parse(text)) as object
  } catch {
    return {}
  }
}

/** `https://registry.example.com/v1/`, `registry.example.com/team` and `*.example.com` match as well. */
function matchesRegistry(written: string, registry: string): boolean {
  const host = written.replace(/^https?:\/\//, '').split('/')[0] ?? ''
  const pattern = host
    .split('*')
    .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('[^.]*')
  return new RegExp(`^${pattern}$`).test(registry)
}
