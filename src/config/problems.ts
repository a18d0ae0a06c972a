/**
 * Problems of a configuration file that a schema cannot express: contradictions, and values that their own parsers refuse.
 */
import { X509Certificate } from 'node:crypto'
import { annotationNames, annotations, isAnnotationName } from '../annotations.ts'
import { deliveries } from '../values/source.ts'
import { loaderVariableNames } from '../loader-contract.ts'
import { suggestion } from '../nearest.ts'
import { credentialVariables } from './credential-variables.ts'
import { quote } from '../values/print/printable.ts'
import { parseClusterVersion } from '../values/cluster-version.ts'
import { parseProxy } from '../values/s3/endpoint.ts'
import { matchesPattern } from '../values/pattern.ts'
import { parseAbsolutePath } from '../values/path.ts'
import { parseCertificates } from '../values/pem.ts'
import { parseBytes } from '../values/quantity.ts'
import type { ConfigFile } from './config-schema.ts'
import type { WrittenRule } from './policy.ts'
import { asProblem } from './schema-problems.ts'

export function fileProblems(file: ConfigFile): readonly string[] {
  return [
    ...defaultsProblems(file),
    ...clusterProblems(file),
    ...loaderProblems(file),
    ...networkProblems(file),
    ...policyProblems(file),
    ...ownershipProblems(file),
  ].map(asProblem)
}

/** A pattern that lets a variable through with which another model or identity comes would take the promise away. */
function ownershipProblems({ ownership }: ConfigFile): string[] {
  const reserved = [...loaderVariableNames.filter((name) => name.startsWith('MODEL_')), ...credentialVariables]
  return (ownership?.allowedEnv ?? []).flatMap((pattern, i) => {
    const taken = pattern.startsWith('MODEL_') ? pattern : reserved.find((name) => matchesPattern(pattern, name))
    return taken === undefined
      ? []
      : [`ownership.allowedEnv[${i}]: ${quote(pattern)} matches ${taken}, which no other webhook may set`]
  })
}

/** Defaults go through the parser of the annotation they stand in for. */
function defaultsProblems(file: ConfigFile): string[] {
  return Object.entries(file.defaults ?? {}).flatMap(([name, value]) => {
    const at = `defaults.${name}`
    const allowed = annotationNames.filter((known) => annotations[known].operator)
    if (!isAnnotationName(name)) return [`${at}: is no annotation${suggestion(name, allowed)}`]
    const row = annotations[name]
    if (!row.operator) return [`${at}: has no default that an operator can set; those that have: ${allowed.join(', ')}`]
    const result = row.parse(String(value).replaceAll('NAME', 'name'))
    return result.ok ? [] : [`${at}: ${quote(String(value))} ${result.problem}; accepted: ${row.accepted}`]
  })
}

function clusterProblems({ cluster }: ConfigFile): string[] {
  const version = parseClusterVersion(cluster?.version ?? '1.0')
  return version.ok
    ? []
    : [`cluster.version: ${quote(cluster?.version ?? '')} ${version.problem}; accepted: as 1.36 or v1.36.2-eks-1a2b3c4`]
}

function loaderProblems({ loader }: ConfigFile): string[] {
  if (loader?.s5cmdPath === undefined) return []
  const path = parseAbsolutePath(loader.s5cmdPath)
  return path.ok ? [] : [`loader.s5cmdPath: ${quote(loader.s5cmdPath)} ${path.problem}`]
}

function networkProblems({ loader }: ConfigFile): string[] {
  return [proxyProblem(loader?.proxy?.url), certificatesProblem(loader?.caCertificates)].flatMap(
    (problem) => problem ?? [],
  )
}

/** The proxy's URL is visible in every pod, so it must not contain credentials. */
function proxyProblem(url: string | undefined): string | undefined {
  if (url === undefined) return undefined
  if (url.includes('@')) {
    return 'loader.proxy.url: has a user name, which would be readable in the pods; let the proxy know the nodes by their addresses'
  }
  const proxy = parseProxy(url)
  return proxy.ok ? undefined : `loader.proxy.url: ${quote(url)} ${proxy.problem}`
}

function certificatesProblem(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const blocks = parseCertificates(text)
  if (!blocks.ok) return `loader.caCertificates: ${blocks.problem}`
  const unreadable = blocks.value.findIndex((block) => !isCertificate(block))
  return unreadable === -1 ? undefined : `loader.caCertificates: block ${unreadable + 1} is not a certificate`
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0
  } catch {
    return false
  }
}

function policyProblems(file: ConfigFile): string[] {
  return [...ruleProblems(file.policy?.rules ?? []), ...modeProblems(file.policy ?? {})]
}

/**
 * A list of exceptions that repeats the mode was meant for the other mode: pods would be denied, or not, against the
 * intention.
 */
function modeProblems({
  mode = 'enforce',
  enforceNamespaces = [],
  auditNamespaces = [],
}: NonNullable<ConfigFile['policy']>): string[] {
  const [list, namespaces, other] =
    mode === 'enforce'
      ? ['enforceNamespaces', enforceNamespaces, 'audit']
      : ['auditNamespaces', auditNamespaces, 'enforce']
  return namespaces.length === 0
    ? []
    : [`policy.${list}: has no effect with mode ${mode}; it names the exceptions of mode ${other}`]
}

function ruleProblems(rules: readonly WrittenRule[]): string[] {
  const names = new Set<string>()
  return rules.flatMap((rule, i) => {
    const size = rule.maxSize === undefined ? undefined : parseBytes(rule.maxSize)
    const twice = names.size === names.add(rule.name).size
    return [
      deliveryProblems(rule.deliveries ?? [], `policy.rules[${i}].deliveries`),
      size?.ok === false ? [`policy.rules[${i}].maxSize: ${quote(rule.maxSize ?? '')} ${size.problem}`] : [],
      twice ? [`policy.rules[${i}].name: ${quote(rule.name)} names another rule already`] : [],
    ].flat()
  })
}

/** A rule that can never be met is a mistake: `pvc` is the scheme of a source, and its delivery is `claim`. */
function deliveryProblems(patterns: readonly string[], at: string): string[] {
  return patterns.flatMap((pattern, i) =>
    deliveries.some((delivery) => matchesPattern(pattern, delivery))
      ? []
      : [`${at}[${i}]: ${quote(pattern)} matches no delivery; there are ${deliveries.join(', ')}`],
  )
}
