/** Checks that the operator's configuration is valid, and in force on every replica. */
import type { Finding } from '../../diagnosis/finding.ts'
import { error, ok, unchecked, warning } from '../installation-findings.ts'
import { valueOf, whyNot } from '../../diagnosis/lookup.ts'
import type { Survey } from '../survey.ts'

export function checkConfiguration(survey: Survey): readonly Finding[] {
  if (survey.deployment.state !== 'found' && survey.webhook.state !== 'found') return []
  return [checkValidity(survey), checkServed(survey)]
}

function checkValidity({ configuration }: Survey): Finding {
  if (configuration.state !== 'found') return unchecked('configuration', whyNot(configuration))
  const { place, result } = configuration.value
  if (!result.ok) return error('configuration', `${place}: ${result.problems.join('; ')}`)
  const rules = result.config.policy.rules.length
  return ok(
    'configuration',
    `${place}: valid, ${rules === 0 ? 'no policy rules' : `${rules} policy rule${rules === 1 ? '' : 's'}`}, hash ${result.config.hash}`,
  )
}

function checkServed({ configuration, replicas }: Survey): Finding {
  if (configuration.state !== 'found') return unchecked('configuration-served', whyNot(configuration))
  const { place, result } = configuration.value
  const asked = (valueOf(replicas) ?? []).flatMap(({ name, metrics }) =>
    metrics.state === 'found' ? [{ name, ...metrics.value }] : [],
  )
  if (asked.length === 0) {
    return unchecked(
      'configuration-served',
      replicas.state === 'found' ? whyNot(replicas.value[0]?.metrics) : whyNot(replicas),
    )
  }
  const refusing = asked.filter(({ configIsCurrent }) => !configIsCurrent)
  if (refusing.length > 0) {
    return warning(
      'configuration-served',
      `a new configuration was refused, and the old one is in force: ${refusing.map(({ name }) => name).join(', ')}`,
    )
  }
  const hash = result.ok ? result.config.hash : undefined
  const others = asked.filter(({ configHash }) => configHash !== hash)
  if (others.length > 0) {
    return warning(
      'configuration-served',
      `not that of ${place}: ${others.map(({ name, configHash }) => `${name} (${configHash ?? 'hash unknown'})`).join(', ')}`,
    )
  }
  return ok('configuration-served', `that of ${place}: ${asked.map(({ name }) => name).join(', ')}`)
}
