/** Classifies the environment of a loader beside the planned one. */
import { cleanPath, isBelow } from '../../values/path.ts'
import { matchesAny } from '../../values/pattern.ts'
import { credentialVariables } from '../../config/credential-variables.ts'
import type { LoaderVariableName } from '../../loader-contract.ts'
import { podIdentityEnv, irsaEnv, irsaVolume, podIdentityDirectory, regionEnv } from '../identity.ts'
import { allByName, findByName } from '../../pod/lookup.ts'
import type { EnvVar } from '../../pod/pod.ts'
import {
  changeOf,
  type ChangeKind,
  type ComparedList,
  type ComparedLoader,
  type PartChange,
  unlessSame,
} from './loader-change.ts'
import { envText } from './part-text.ts'

interface VariableKind extends ChangeKind {
  readonly matches: (variable: EnvVar, loader: ComparedLoader) => boolean
  /** Set where the name decides alone and no start of the loader can be relied on: the guard refuses these. Read by RE2, too. */
  readonly guarded?: RegExp
}

/** Defaults and settings of the operator decide about these where no annotation does. */
const settings: readonly LoaderVariableName[] = [
  'MODEL_TIMEOUT_SECONDS',
  'MODEL_STALL_TIMEOUT_SECONDS',
  'MODEL_ID',
  'MODEL_READ_ONLY',
  'MODEL_REUSE',
  'MODEL_REQUIRE_CHECKSUMS',
  'MODEL_CREDENTIALS',
  'MODEL_ENDPOINT',
  'MODEL_ADDRESSING',
  'MODEL_REGION',
  'MODEL_ENGINE',
  'MODEL_S5CMD_PATH',
  'MODEL_CA_CERTIFICATES',
]
const proxies = /^(HTTPS_PROXY|NO_PROXY)$/
const runtimeNames = /^(NODE_|LD_|SSL_|OPENSSL_)|_PROXY$/i
const libraryNames = /^(GLIBC_TUNABLES|GCONV_PATH|HOSTALIASES|LOCALDOMAIN|RES_OPTIONS)$/

export const variableKinds: readonly VariableKind[] = [
  {
    change: `a setting of the operator: ${settings.map((name) => `\`${name}\``).join(', ')}`,
    madeBy: 'another configuration, or an attacker',
    class: 'steering',
    configurable: true,
    matches: ({ name }) => settings.some((setting) => setting === name),
  },
  {
    change: 'any other `MODEL_*`',
    madeBy: 'an attacker',
    class: 'steering',
    matches: ({ name }) => name.startsWith('MODEL_'),
  },
  {
    change:
      "`AWS_CONTAINER_CREDENTIALS_FULL_URI` that is `podIdentity.uri` or an address of the agent, with a token file below that webhook's own mount",
    madeBy: 'identity webhook of EKS',
    class: 'harmless',
    matches: isPodIdentity,
  },
  {
    change: '`AWS_ROLE_ARN`, `AWS_WEB_IDENTITY_TOKEN_FILE` beside the mount of `aws-iam-token`',
    madeBy: 'identity webhook of EKS',
    class: 'harmless',
    matches: isRole,
  },
  {
    change:
      '`AWS_REGION` and `AWS_DEFAULT_REGION`, both with one value, and `AWS_STS_REGIONAL_ENDPOINTS: regional`, beside credentials of that webhook',
    madeBy: 'identity webhook of EKS',
    class: 'harmless',
    matches: isRegion,
  },
  {
    change: 'what `ownership.allowedEnv` lists',
    madeBy: 'webhooks that the operator trusts',
    class: 'harmless',
    matches: ({ name }, { config }) => matchesAny(config.ownership.allowedEnv, name),
  },
  {
    change: 'any other `AWS_*`',
    madeBy: 'an attacker',
    class: 'steering',
    matches: ({ name }) => name.startsWith('AWS_'),
  },
  {
    change: '`HTTPS_PROXY`, `NO_PROXY`',
    madeBy: 'another configuration, or webhooks that set a proxy',
    class: 'steering',
    configurable: true,
    matches: ({ name }) => proxies.test(name),
    guarded: proxies,
  },
  {
    change: '`NODE_*`, `LD_*`, `SSL_*`, `OPENSSL_*`, `*_PROXY` in any case',
    madeBy: 'auto-instrumentation, webhooks that set a proxy or a CA, or an attacker',
    class: 'steering',
    matches: ({ name }) => runtimeNames.test(name),
    guarded: runtimeNames,
  },
  {
    change: '`GLIBC_TUNABLES`, `GCONV_PATH`, `HOSTALIASES`, `LOCALDOMAIN`, `RES_OPTIONS`',
    madeBy: 'an attacker',
    class: 'steering',
    matches: ({ name }) => libraryNames.test(name),
    guarded: libraryNames,
  },
  {
    change: '`DD_*`, `OTEL_*`, `DT_*`, `AZURE_*`',
    madeBy: 'Datadog, OpenTelemetry, Dynatrace, Azure Workload Identity',
    class: 'harmless',
    matches: ({ name }) => /^(DD_|OTEL_|DT_|AZURE_)/.test(name),
  },
  {
    change: 'any other variable',
    madeBy: 'another configuration, or any webhook',
    class: 'unknown',
    configurable: true,
    matches: () => true,
  },
]

/** The identity webhook adds these to every container that it finds, so a loader that it did not see does without. */
const regionalEndpointsEnv = 'AWS_STS_REGIONAL_ENDPOINTS'
const leftToOthers: readonly string[] = [...regionEnv, regionalEndpointsEnv]

/** The environment without what does not stay, and with what was missing. */
export function compareEnv(loader: ComparedLoader): ComparedList<EnvVar> {
  const present = loader.present.env ?? []
  if (hasPlannedEnv(present, loader.planned.env ?? [])) return { restored: undefined, changes: [] }
  const changes: PartChange[] = []
  // Later variables of a name win in the kubelet, so each one counts, not the first alone.
  const placed = new Set<string>()
  const kept = present.flatMap((variable): readonly EnvVar[] => {
    const expected = findByName(loader.planned.env, variable.name)
    const isPlanned = expected !== undefined && envText(expected) === envText(variable)
    const kind = isPlanned ? undefined : kindOf(variable, loader)
    if (kind !== undefined) changes.push(variableChange(kind, expected, variable))
    const isFirst = placed.size < placed.add(variable.name).size
    if (kind === undefined || kind.class === 'harmless') return [variable]
    if (expected !== undefined && isFirst) return [expected]
    return []
  })
  const missing = (loader.planned.env ?? []).filter(({ name }) => !placed.has(name) && !leftToOthers.includes(name))
  changes.push(...missing.map((variable) => variableChange(kindOfMissing(variable, loader), variable, undefined)))
  return { restored: unlessSame(present, [...kept, ...missing]), changes }
}

/** The variables are nearly always untouched. No two of the planned ones have one name. */
export function hasPlannedEnv(present: readonly EnvVar[], planned: readonly EnvVar[]): boolean {
  return (
    present.length === planned.length &&
    present.every((variable, i) => {
      const expected = planned[i]
      return expected?.name === variable.name && envText(expected) === envText(variable)
    })
  )
}

function variableChange(
  kind: Pick<ChangeKind, 'class' | 'configurable'>,
  expected: EnvVar | undefined,
  found: EnvVar | undefined,
): PartChange {
  const name = (expected ?? found)?.name ?? ''
  return changeOf(kind, `env[${name}]`, { expected: expected && envText(expected), found: found && envText(found) })
}

/** A variable without which the loader has no credentials steers it, although others may write the same one. */
function kindOfMissing(variable: EnvVar, loader: ComparedLoader): Pick<ChangeKind, 'class' | 'configurable'> {
  return credentialVariables.includes(variable.name) ? { class: 'steering' } : kindOf(variable, loader)
}

function kindOf(variable: EnvVar, loader: ComparedLoader): VariableKind {
  const kind = variableKinds.find(({ matches }) => matches(variable, loader))
  if (kind === undefined) throw new Error(`a variable of no kind: ${variable.name}`)
  return kind
}

/** Addresses in IPv4 and IPv6 clusters; nothing but the agent of the node answers there. */
const agentAddresses: readonly string[] = [
  'http://169.254.170.23/v1/credentials',
  'http://[fd00:ec2::23]/v1/credentials',
]

/** A token file elsewhere would be another's token. */
function isPodIdentity({ name, value }: EnvVar, { present, config }: ComparedLoader): boolean {
  if (name === podIdentityEnv[0]) return value === config.podIdentity.uri || agentAddresses.includes(value ?? '')
  return (
    name === podIdentityEnv[1] &&
    typeof value === 'string' &&
    isBelow(cleanPath(value), podIdentityDirectory) &&
    present.volumeMounts?.some(({ mountPath }) => cleanPath(mountPath) === podIdentityDirectory) === true
  )
}

function isRole(variable: EnvVar, { present }: ComparedLoader): boolean {
  const mount = findByName(present.volumeMounts, irsaVolume)
  if (mount === undefined) return false
  switch (variable.name) {
    case 'AWS_ROLE_ARN':
      return /^arn:[a-z-]+:iam::[0-9]+:role\/[\w+=,.@/-]+$/.test(variable.value ?? '')
    case 'AWS_WEB_IDENTITY_TOKEN_FILE':
      return isBelow(cleanPath(variable.value ?? ''), cleanPath(mount.mountPath))
    default:
      return false
  }
}

/** That webhook adds both variables of the region or, where a container has either, none. */
function isRegion({ name, value }: EnvVar, { present }: ComparedLoader): boolean {
  if (![podIdentityEnv[0], irsaEnv[0]].some((credential) => findByName(present.env, credential) !== undefined)) {
    return false
  }
  if (name === regionalEndpointsEnv) return value === 'regional'
  if (!regionEnv.includes(name) || !/^[a-z]{2}(-[a-z]+)+-[0-9]+$/.test(value ?? '')) return false
  const values = regionEnv.map((region) => allByName(present.env, region).map((variable) => variable.value))
  return values.every((found) => found.length === 1 && found[0] === value)
}
