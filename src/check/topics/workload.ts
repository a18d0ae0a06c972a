/** Checks the Service, its endpoints and the replicas. */
import type { Finding } from '../../diagnosis/finding.ts'
import { error, ok, unchecked, warning } from '../installation-findings.ts'
import { valueOf, whyNot } from '../../diagnosis/lookup.ts'
import type { Survey } from '../survey.ts'

export function checkWorkload(survey: Survey): readonly Finding[] {
  if (survey.webhook.state !== 'found') return []
  return [checkService(survey), checkEndpoints(survey), checkReplicas(survey)]
}

function checkService({ service, webhook }: Survey): Finding {
  if (service.state === 'unknown') return unchecked('service', service.why)
  const { namespace = '', name = '', port: expectedPort = 443 } = valueOf(webhook)?.clientConfig.service ?? {}
  if (service.state === 'absent') return error('service', `there is no Service ${namespace}/${name}`)
  const ports = (service.value.spec.ports ?? []).map(({ port }) => port)
  if (ports.includes(expectedPort)) return ok('service', `${namespace}/${name}, port ${expectedPort}`)
  return error('service', `the Service ${namespace}/${name} has no port ${expectedPort}, only ${ports.join(', ')}`)
}

function checkEndpoints({ endpointSlices, service }: Survey): Finding {
  if (endpointSlices.state !== 'found') return unchecked('endpoints', whyNot(endpointSlices, 'there is no Service'))
  const endpoints = endpointSlices.value.flatMap((slice) => slice.endpoints ?? [])
  const ready = endpoints.filter(({ conditions }) => conditions?.ready !== false)
  if (ready.length > 0) {
    return ok('endpoints', `${ready.length} ready: ${ready.flatMap(({ addresses }) => addresses).join(', ')}`)
  }
  if (endpoints.length > 0) return error('endpoints', `none of ${endpoints.length} is ready`)
  const selector = service.state === 'found' ? JSON.stringify(service.value.spec.selector ?? {}) : ''
  return error(
    'endpoints',
    `there are none: no pod has the labels that the Service selects (${selector}), or none has an address yet`,
  )
}

function checkReplicas({ deployment }: Survey): Finding {
  if (deployment.state === 'unknown') return unchecked('replicas', deployment.why)
  if (deployment.state === 'absent') {
    return error('replicas', 'no Deployment has pods that the Service selects', 'apply the chart again (helm upgrade)')
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
