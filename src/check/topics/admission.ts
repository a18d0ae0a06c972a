/** Judges the result of the dry-run pod. */
import type { DryRun } from '../../cluster/cluster.ts'
import type { ClusterPod } from '../../cluster/objects.ts'
import type { Finding } from '../../diagnosis/finding.ts'
import { error, ok, unchecked } from '../installation-findings.ts'
import { selects } from '../../cluster/label-selector.ts'
import { valueOf } from '../../diagnosis/lookup.ts'
import type { Survey } from '../survey.ts'

export function checkAdmission(survey: Survey): readonly Finding[] {
  const {
    probe: { answer, namespace },
    webhook,
    protectedNamespaces,
  } = survey
  if (webhook.state !== 'found') return []
  if (answer.state !== 'found') {
    return [unchecked('admission', answer.state === 'unknown' ? answer.why : `there is no namespace ${namespace}`)]
  }
  const labels = protectedNamespaces[namespace]
  if (labels !== undefined && !selects(webhook.value.namespaceSelector, labels)) {
    return [unchecked('admission', `the webhook leaves the namespace ${namespace} alone; name another with -n`)]
  }
  return [
    answer.value.created
      ? judgeCreated(answer.value.object as ClusterPod, namespace)
      : judgeRefused(answer.value, survey),
  ]
}

function judgeCreated({ spec }: ClusterPod, namespace: string): Finding {
  const isInjected = spec.initContainers?.some(({ name }) => name === 'model-loader') === true
  return isInjected
    ? ok('admission', `a pod in the namespace ${namespace} gets its model`)
    : error(
        'admission',
        `a pod in the namespace ${namespace} was allowed without its model`,
        'see with model-injector why which condition keeps it from the webhook',
      )
}

/** The API server names the webhook or policy that refused; its wording is unchanged since 1.9. */
function judgeRefused({ message: lines, status }: Extract<DryRun, { created: false }>, survey: Survey): Finding {
  const message = lines.replaceAll('\n', '; ')
  const name = valueOf(survey.webhook)?.name ?? ''
  if (message.includes(`admission webhook "${name}" denied the request`)) {
    return ok('admission', `the webhook answers; it denies the pod that was tried: ${afterColon(message)}`)
  }
  if (message.includes(`failed calling webhook "${name}"`)) return error('admission', message)
  if (message.includes("ValidatingAdmissionPolicy 'model-injector-guard'")) {
    return error('admission', `the webhook did not inject the pod, and the guard refused it: ${afterColon(message)}`)
  }
  return unchecked('admission', `another admission check refused the pod (HTTP ${status}): ${message}`)
}

function afterColon(message: string): string {
  return message.slice(message.indexOf(': ') + 2)
}
