/** Checks the Service, its endpoints and the replicas. */
import type { Finding } from '../../diagnosis/finding.ts'
import { writeAgain } from '../../diagnosis/installation-checks.ts'
import { error, ok, unchecked, warning } from '../installation-findings.ts'
import type { Survey } from '../survey.ts'
import { restoredBy } from '../restore.ts'
import { checkService } from './service.ts'

export function checkWorkload(survey: Survey): readonly Finding[] {
  if (survey.webhook.state !== 'found') return []
  return [...checkService(survey), checkReplicas(survey)]
}

function checkReplicas(survey: Survey): Finding {
  const { deployment } = survey
  if (deployment.state === 'unknown') return unchecked('replicas', deployment.why)
  if (deployment.state === 'absent') {
    return restoredBy(
      error('replicas', 'no Deployment runs the webhook in the namespace of its Service', writeAgain),
      survey,
    )
  }
  const {
    metadata: { name },
    spec: { replicas: desired = 1 },
    status: { readyReplicas = 0 } = {},
  } = deployment.value
  const what = `${readyReplicas} of ${desired} ready (Deployment ${name})`
  if (readyReplicas === 0) return error('replicas', what)
  if (readyReplicas < desired || desired < 2) return warning('replicas', what)
  return ok('replicas', what)
}
