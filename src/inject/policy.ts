/**
 * The operator's policy. No rules: everything is allowed but a loader image of the pod's choice and `node://`.
 * Any rule: everything is denied but what one rule for the pod's namespace allows in all its attributes. In audit mode
 * violations warn instead of deny, except those that would be denied without any rule.
 */
import type { Config } from '../config/config.ts'
import type { Policy, PolicyMode, PolicyRule } from '../config/policy.ts'
import { quote } from '../values/print/printable.ts'
import { formatCredentials } from '../values/credentials.ts'
import { matchesAny } from '../values/pattern.ts'
import { formatBytes } from '../values/quantity.ts'
import type { Findings } from '../request/findings.ts'
import { annotationKey } from '../request/keys.ts'
import { annotationField } from '../pod/field-path.ts'
import type { InjectionRequest, ModelRequest } from '../request/model-request.ts'
import { isPinned } from '../request/pinned.ts'
import { mountpointClaimName } from '../deliveries/mountpoint/inject.ts'

export interface PolicySubject {
  readonly namespace: string
  /** The service account the pod ends up with. */
  readonly serviceAccount: string
  readonly request: InjectionRequest
}

export interface PolicyVerdict {
  /** Audited: all rules deny it, and the policy is in audit mode in this namespace. */
  readonly verdict: 'allowed' | 'audited' | 'denied'
  /** The rule that allowed it; none is needed where there are no rules. */
  readonly allowedBy?: string
  /** Matching rules, all of which denied it. */
  readonly refusedBy: readonly string[]
  /** Every rule that denied it, with the attributes that it does not allow. */
  readonly why?: string
  /** The same as part of a sentence that begins with the source. */
  readonly problem?: string
  readonly remedy?: string
}

export interface PolicyCheck {
  /** Names of the rules that allowed a model, each once. */
  readonly allowedBy: readonly string[]
  /** Names of the matching rules, all of which denied a model, each once. */
  readonly refusedBy: readonly string[]
}

/** The policy of an operator who has written no rule. */
const withoutRules: PolicyRule = { name: '', namespaces: ['*'] }

/** Violations go to `findings`: as denials in mode enforce, as warnings in mode audit. */
export function checkPolicy(subject: PolicySubject, config: Config, findings: Findings): PolicyCheck {
  const refusedImages = new Set<string>()
  const verdicts = subject.request.models.map((model) => {
    const verdict = judgeModel(model, subject, config.policy)
    const image = verdict.verdict === 'denied' ? refusedImage(model, subject, config.policy) : undefined
    if (image === undefined) report(model, verdict, config, findings)
    else if (!refusedImages.has(image)) reportImage(image, verdict, config, findings)
    if (image !== undefined) refusedImages.add(image)
    return verdict
  })
  return {
    allowedBy: [...new Set(verdicts.flatMap(({ allowedBy }) => allowedBy ?? []))],
    refusedBy: [...new Set(verdicts.flatMap(({ verdict, refusedBy }) => (verdict === 'denied' ? refusedBy : [])))],
  }
}

/** The image of the pod's loaders where it alone is what the policy refuses. */
function refusedImage(model: ModelRequest, subject: PolicySubject, policy: Policy): string | undefined {
  const { image } = subject.request
  if (image === undefined) return undefined
  const without = { ...subject, request: { ...subject.request, image: undefined } }
  return judgeModel(model, without, policy).verdict === 'allowed' ? image : undefined
}

/** Once for the pod, and at its own annotation: the sources are allowed. */
function reportImage(image: string, { problem = '', remedy }: PolicyVerdict, config: Config, findings: Findings): void {
  const field = annotationField(annotationKey(config.annotationPrefix, 'image'))
  findings.deny({ reason: 'NotAllowed', field, found: image, problem, ...(remedy !== undefined && { remedy }) })
}

function report(
  model: ModelRequest,
  { verdict, why = '', problem = '', remedy }: PolicyVerdict,
  config: Config,
  findings: Findings,
): void {
  if (verdict === 'allowed') return
  const field = annotationField(annotationKey(config.annotationPrefix, 'source', model.suffix))
  // The name and not the source, which may be long: the API server may cut a warning after 120 characters.
  if (verdict === 'audited') {
    findings.warn('PolicyWouldDeny', `the policy would deny ${model.name}: ${why}`, field)
    return
  }
  findings.deny({
    reason: 'NotAllowed',
    field,
    found: model.source.uri,
    problem,
    ...(remedy !== undefined && { remedy }),
  })
}

/** The mode for a namespace: violations deny its pods, or only warn. */
export function policyMode(
  { mode = 'enforce', enforceNamespaces = [], auditNamespaces = [] }: Policy,
  namespace: string,
): PolicyMode {
  if (mode === 'audit') return matchesAny(enforceNamespaces, namespace) ? 'enforce' : 'audit'
  return matchesAny(auditNamespaces, namespace) ? 'audit' : 'enforce'
}

export function judgeModel(model: ModelRequest, subject: PolicySubject, policy: Policy): PolicyVerdict {
  const verdict =
    policy.rules.length === 0 ? judgeWithoutRules(model, subject) : judgeByRules(model, subject, policy.rules)
  const isAudited =
    verdict.verdict === 'denied' &&
    policyMode(policy, subject.namespace) === 'audit' &&
    isSafe(model, subject, policy.rules)
  return isAudited ? { ...verdict, verdict: 'audited' } : verdict
}

/**
 * Audit mode removes no protection that holds without rules: a directory of the node or an image of the pod's
 * choice needs a rule about the namespace that lists it, even where the rule refuses something else.
 */
function isSafe(model: ModelRequest, subject: PolicySubject, rules: readonly PolicyRule[]): boolean {
  const about = rules.filter((rule) => matchesAny(rule.namespaces, subject.namespace))
  return [withoutRules, ...about].some(
    ({ sources, images }) =>
      refusedAttributes(model, subject, {
        ...withoutRules,
        ...(model.source.scheme === 'node' && sources && { sources }),
        ...(images && { images }),
      }).length === 0,
  )
}

function judgeWithoutRules(model: ModelRequest, subject: PolicySubject): PolicyVerdict {
  const refused = refusedAttributes(model, subject, withoutRules).join(', ')
  if (refused === '') return { verdict: 'allowed', refusedBy: [] }
  return {
    verdict: 'denied',
    refusedBy: [],
    why: `without a rule there is no permission for ${refused}`,
    problem: `is not allowed without a rule of the operator's policy: ${refused}`,
    remedy: `an operator allows it by a rule that lists it under ${listsToBeOn(model, subject)}; from the first rule on, everything else needs one, too`,
  }
}

function judgeByRules(model: ModelRequest, subject: PolicySubject, rules: readonly PolicyRule[]): PolicyVerdict {
  const about = rules.filter((rule) => matchesAny(rule.namespaces, subject.namespace))
  if (about.length === 0) {
    const namespace = quote(subject.namespace)
    return {
      verdict: 'denied',
      refusedBy: [],
      why: `no rule is about the namespace ${namespace}`,
      problem: `is not allowed: no rule of the operator's policy is about the namespace ${namespace}`,
    }
  }
  const allowing = about.find((rule) => allowsModel(rule, model, subject))
  if (allowing !== undefined) return { verdict: 'allowed', allowedBy: allowing.name, refusedBy: [] }
  const why = about
    .map((rule) => `rule ${quote(rule.name)} does not allow ${refusedAttributes(model, subject, rule).join(', ')}`)
    .join('; ')
  const unlisted =
    model.source.scheme === 'node' && about.some((rule) => (sourcePatterns(rule, model) ?? []).length === 0)
  return {
    verdict: 'denied',
    refusedBy: about.map(({ name }) => name),
    why,
    problem: `is not allowed by the operator's policy: ${why}`,
    ...(unlisted && { remedy: 'a rule allows node:// only by patterns that begin with it' }),
  }
}

/** Only for a rule about the pod's namespace. */
export function allowsModel(rule: PolicyRule, model: ModelRequest, subject: PolicySubject): boolean {
  return refusedAttributes(model, subject, rule).length === 0
}

/** Attributes that no rule allows by leaving them out. */
function listsToBeOn({ source }: ModelRequest, { request }: PolicySubject): string {
  return [source.scheme === 'node' ? 'sources' : [], request.image !== undefined ? 'images' : []].flat().join(' and ')
}

/**
 * The attributes of a model that a rule does not allow, as words for the message. Credentials, endpoint and size are those
 * of a download; what is only mounted has none.
 */
function refusedAttributes(
  model: ModelRequest,
  { request, serviceAccount }: PolicySubject,
  rule: PolicyRule,
): string[] {
  const allows = (patterns: readonly string[] | undefined, value: string | undefined): boolean =>
    patterns === undefined || value === undefined || matchesAny(patterns, value)
  const { image } = request
  const downloaded = model.delivery === 'download'
  const credentials = formatCredentials(request.credentials)
  const checks: [boolean, () => string][] = [
    [allows(sourcePatterns(rule, model), model.source.uri), () => `the source ${quote(model.source.uri)}`],
    [allowsClaim(rule, model), () => `the claim ${quote(claimOf(model) ?? '')}`],
    [allows(rule.endpoints, model.endpoint), () => `the endpoint ${quote(model.endpoint ?? '')}`],
    [!downloaded || allows(rule.credentials, credentials), () => `the credentials ${quote(credentials)}`],
    [allows(rule.serviceAccounts, serviceAccount), () => `the service account ${quote(serviceAccount)}`],
    [allows(rule.deliveries, model.delivery), () => `the delivery ${model.delivery}`],
    [allows(rule.mountPaths, model.mountPath), () => `the mount path ${quote(model.mountPath)}`],
    [allows(rule.images ?? [], image), () => `the image ${quote(image ?? '')}`],
    [!downloaded || allowsSize(rule, model), () => sizeWords(rule, model)],
    [rule.requirePinned !== true || isPinned(model), () => 'a model whose content nothing fixes'],
  ]
  return checks.filter(([allowed]) => !allowed).map(([, words]) => words())
}

/** `*` in a list was written for buckets: what the node's directories are must be said. */
function sourcePatterns({ sources }: PolicyRule, { source }: ModelRequest): readonly string[] | undefined {
  return source.scheme === 'node' ? (sources ?? []).filter((pattern) => pattern.startsWith('node://')) : sources
}

/** A claim of the pod's choice may have anything, whatever source is named beside it. */
function allowsClaim(rule: PolicyRule, model: ModelRequest): boolean {
  const claim = claimOf(model)
  if (claim === undefined) return true
  if (rule.claims !== undefined) return matchesAny(rule.claims, claim)
  const isOfSource = model.source.scheme !== 's3' || claim === mountpointClaimName(model.source)
  return isOfSource || rule.sources === undefined || matchesAny(rule.sources, `pvc://${claim}`)
}

function claimOf({ source, delivery, claim }: ModelRequest): string | undefined {
  if (source.scheme === 'pvc') return source.claim
  return source.scheme === 's3' && delivery === 'mountpoint' ? (claim ?? mountpointClaimName(source)) : undefined
}

/** A limit cannot be held for a model that does not say its size. */
function allowsSize({ maxSizeBytes }: PolicyRule, model: ModelRequest): boolean {
  return maxSizeBytes === undefined || (model.sizeBytes !== undefined && model.sizeBytes <= maxSizeBytes)
}

function sizeWords({ maxSizeBytes = 0 }: PolicyRule, { sizeBytes }: ModelRequest): string {
  return sizeBytes === undefined
    ? `a model without size (at most ${formatBytes(maxSizeBytes)})`
    : `a size over ${formatBytes(maxSizeBytes)}`
}
