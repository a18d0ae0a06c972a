/** Checks the ValidatingAdmissionPolicies of the chart; a policy without a binding has no effect. */
import type { ValidatingAdmissionPolicy } from '../../cluster/objects.ts'
import { type InstallationCheckId as CheckId, error, ok, unchecked, warning } from '../installation-findings.ts'
import type { Finding } from '../../diagnosis/finding.ts'
import { valueOf } from '../../diagnosis/lookup.ts'
import { writeAgain } from '../../diagnosis/installation-checks.ts'
import { restoredBy } from '../restore.ts'
import type { Survey } from '../survey.ts'

const policies = [
  {
    id: 'guard-policy',
    name: 'model-injector-guard',
    action: 'Deny',
    what: 'annotated pods without their parts are refused',
  },
  {
    id: 'placement-policy',
    name: 'model-injector-placement',
    action: 'Warn',
    what: 'misplaced annotations are reported at kubectl apply',
  },
  {
    id: 'values-policy',
    name: 'model-injector-values',
    action: 'Warn',
    what: 'bad values are reported at kubectl apply',
  },
] as const satisfies readonly { id: CheckId; name: string; action: string; what: string }[]

type ChartPolicy = (typeof policies)[number]

export function checkPolicies(survey: Survey): readonly Finding[] {
  return policies.map((policy) => checkPolicy(policy, survey))
}

function checkPolicy(policy: ChartPolicy, survey: Survey): Finding {
  const { id, name } = policy
  if (survey.policies.state === 'unknown') return unchecked(id, survey.policies.why)
  const installed = findPolicy(survey, name)
  if (installed === undefined) return warning(id, `the ValidatingAdmissionPolicy ${name} is not installed`)
  const problem = typeProblem(installed)
  if (problem !== undefined) {
    return restoredBy(error(id, `the API server cannot evaluate ${name}: ${problem}`, writeAgain), survey)
  }
  if (!mentions(installed, survey.prefix)) {
    return error(id, `${name} is not for annotations below ${survey.prefix}, so it looks at no pod of ours`)
  }
  return checkBinding(policy, survey)
}

function checkBinding({ id, name, action, what }: ChartPolicy, survey: Survey): Finding {
  const { policyBindings } = survey
  if (policyBindings.state !== 'found') {
    return unchecked(
      id,
      `it is not known if ${name} is bound: ${policyBindings.state === 'unknown' ? policyBindings.why : 'no such kind'}`,
    )
  }
  const actions = policyBindings.value
    .filter(({ spec }) => spec.policyName === name)
    .flatMap(({ spec }) => spec.validationActions ?? [])
  if (actions.length === 0) {
    return restoredBy(error(id, `${name} has no binding, so it does nothing`, writeAgain), survey)
  }
  if (actions.includes(action) || actions.includes('Deny')) return ok(id, `in force (${actions.join(', ')}): ${what}`)
  return warning(id, `${name} only does ${actions.join(', ')}`, `let its binding do ${action}`)
}

/** True if the policy is bound with the Deny action. */
export function isInForce(survey: Survey, name: string): boolean {
  return (
    findPolicy(survey, name) !== undefined &&
    (valueOf(survey.policyBindings) ?? []).some(
      ({ spec }) => spec.policyName === name && spec.validationActions?.includes('Deny') === true,
    )
  )
}

function findPolicy(survey: Survey, name: string): ValidatingAdmissionPolicy | undefined {
  return valueOf(survey.policies)?.find(({ metadata }) => metadata.name === name)
}

function typeProblem({ status }: ValidatingAdmissionPolicy): string | undefined {
  const [first] = status?.typeChecking?.expressionWarnings ?? []
  return first === undefined ? undefined : `${first.fieldRef}: ${first.warning.split('\n', 1)[0] ?? ''}`
}

function mentions({ spec }: ValidatingAdmissionPolicy, prefix: string): boolean {
  const expressions = [spec.matchConditions, spec.validations, spec.variables].flatMap((list) => list ?? [])
  return expressions.some(({ expression }) => expression.includes(`'${prefix}`) || expression.includes(`"${prefix}`))
}
