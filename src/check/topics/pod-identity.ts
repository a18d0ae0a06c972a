/** Checks the agent that gives loaders their credentials. */
import { defaultCredentials } from '../configured.ts'
import type { Finding } from '../../diagnosis/finding.ts'
import { ok, unchecked, warning } from '../installation-findings.ts'
import type { Survey } from '../survey.ts'

export function checkPodIdentity(survey: Survey): readonly Finding[] {
  const { podIdentityAgent: agent } = survey
  if (agent.state === 'unknown') return [unchecked('pod-identity-agent', agent.why)]
  if (agent.state === 'absent') return [checkAbsent(defaultCredentials(survey))]
  const { desiredNumberScheduled: desired = 0, numberReady: ready = 0 } = agent.value.status ?? {}
  const what = `ready on ${ready} of ${desired} nodes`
  if (ready >= desired && desired > 0) return [ok('pod-identity-agent', what)]
  return [warning('pod-identity-agent', what, 'kubectl -n kube-system describe daemonset eks-pod-identity-agent')]
}

function checkAbsent(credentials: string): Finding {
  const what = 'there is no DaemonSet kube-system/eks-pod-identity-agent'
  if (credentials !== 'pod-identity') {
    return ok('pod-identity-agent', `${what}; the default for credentials is ${credentials}`)
  }
  return warning('pod-identity-agent', what)
}
