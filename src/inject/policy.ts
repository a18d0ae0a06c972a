/**
 * The operator's policy. No rules: everything is allowed but a loader image of the pod's choice and `node://`.
 * Any rule: everything is refused but what one rule for the pod's namespace allows in all its attributes.
 */
import type { Config, PolicyRule } from '../config.ts'
import { quote } from '../reasons.ts'
import { formatCredentials } from '../values/credentials.ts'
import { matchesAny } from '../values/pattern.ts'
import { formatBytes } from '../values/quantity.ts'
import type { Findings } from './findings.ts'
import { annotationField, annotationKey } from './keys.ts'
import type { InjectionRequest, ModelRequest } from './request.ts'

export interface PolicySubject {
  readonly namespace: string
  /** The service account the pod ends up with. */
  readonly serviceAccount: string
  readonly request: InjectionRequest
}

/** What holds where the operator has written no rule. */
const withoutRules: PolicyRule = { name: '', namespaces: ['*'] }

/** The names of the rules that allowed the models, each once; refusals go to `findings`. */
export function checkPolicy(subject: PolicySubject, config: Config, findings: Findings): readonly string[] {
  const used = new Set<string>()
  for (const model of subject.request.models) {
    const rule = checkModel(model, subject, config, findings)
    if (rule !== undefined) used.add(rule)
  }
  return [...used]
}

function checkModel(model: ModelRequest, subject: PolicySubject, config: Config, findings: Findings): string | undefined {
  const key = annotationKey(config.annotationPrefix, 'source', model.suffix)
  const verdict = judge(model, subject, config.policy.rules)
  if (verdict.allowed) return verdict.rule
  const { problem, remedy } = verdict
  findings.deny({ reason: 'NotAllowed', field: annotationField(key), found: model.source.uri, problem, ...(remedy !== undefined && { remedy }) })
  return undefined
}

type Verdict =
  | { readonly allowed: true; readonly rule: string | undefined }
  | { readonly allowed: false; readonly problem: string; readonly remedy?: string }

function judge(model: ModelRequest, subject: PolicySubject, rules: readonly PolicyRule[]): Verdict {
  if (rules.length === 0) {
    const refused = refusedAttributes(model, subject, withoutRules)
    if (refused.length === 0) return { allowed: true, rule: undefined }
    return {
      allowed: false, problem: `is not allowed without a rule of the operator's policy: ${refused.join(', ')}`,
      remedy: `an operator allows it by a rule that lists it under ${listsToBeOn(model, subject)}; from the first rule on, everything else needs one, too`,
    }
  }
  const about = rules.filter((rule) => matchesAny(rule.namespaces, subject.namespace))
  if (about.length === 0) {
    return { allowed: false, problem: `is not allowed: no rule of the operator's policy is about the namespace ${quote(subject.namespace)}` }
  }
  const verdicts = about.map((rule) => ({ rule, refused: refusedAttributes(model, subject, rule) }))
  const allowing = verdicts.find(({ refused }) => refused.length === 0)
  if (allowing !== undefined) return { allowed: true, rule: allowing.rule.name }
  const reasons = verdicts.map(({ rule, refused }) => `rule ${quote(rule.name)} does not allow ${refused.join(', ')}`)
  const problem = `is not allowed by the operator's policy: ${reasons.join('; ')}`
  const unlisted = model.source.scheme === 'node' && about.some(({ sources }) => sources === undefined)
  return { allowed: false, problem, ...(unlisted && { remedy: 'a rule allows node:// only where its sources list it' }) }
}

/** What no rule allows by being silent. */
function listsToBeOn({ source }: ModelRequest, { request }: PolicySubject): string {
  return [source.scheme === 'node' ? 'sources' : [], request.imageChosen ? 'images' : []].flat().join(' and ')
}

/**
 * The attributes of a model that a rule does not allow, as words for the message. Credentials, endpoint and size are those
 * of a download; what is only mounted has none.
 */
function refusedAttributes(model: ModelRequest, { request, serviceAccount }: PolicySubject, rule: PolicyRule): string[] {
  const allows = (patterns: readonly string[] | undefined, value: string | undefined): boolean =>
    patterns === undefined || value === undefined || matchesAny(patterns, value)
  const downloaded = model.delivery === 'download'
  const credentials = formatCredentials(request.credentials)
  const checks: [boolean, () => string][] = [
    [allows(rule.sources ?? (model.source.scheme === 'node' ? [] : undefined), model.source.uri), () => `the source ${quote(model.source.uri)}`],
    [allows(rule.endpoints, model.endpoint), () => `the endpoint ${quote(model.endpoint ?? '')}`],
    [!downloaded || allows(rule.credentials, credentials), () => `the credentials ${quote(credentials)}`],
    [allows(rule.serviceAccounts, serviceAccount), () => `the service account ${quote(serviceAccount)}`],
    [allows(rule.deliveries, model.delivery), () => `the delivery ${model.delivery}`],
    [allows(rule.mountPaths, model.mountPath), () => `the mount path ${quote(model.mountPath)}`],
    [!request.imageChosen || allows(rule.images ?? [], request.image), () => `the image ${quote(request.image)}`],
    [!downloaded || allowsSize(rule, model), () => sizeWords(rule, model)],
  ]
  return checks.filter(([allowed]) => !allowed).map(([, words]) => words())
}

/** A limit cannot be held for a model that does not say its size. */
function allowsSize({ maxSizeBytes }: PolicyRule, model: ModelRequest): boolean {
  return maxSizeBytes === undefined || (model.sizeBytes !== undefined && model.sizeBytes <= maxSizeBytes)
}

function sizeWords({ maxSizeBytes = 0 }: PolicyRule, { sizeBytes }: ModelRequest): string {
  return sizeBytes === undefined ? `a model without size (at most ${formatBytes(maxSizeBytes)})` : `a size over ${formatBytes(maxSizeBytes)}`
}
