/** Follows a call of the API server from the webhook configuration through the Service to the port of the pods. */
import type { ClusterPodSpec, Deployment, EndpointSlice, Service } from '../../cluster/objects.ts'
import { selects } from '../../cluster/label-selector.ts'
import { defaultWebhookPort } from '../../config/webhook-address.ts'
import type { Finding } from '../../diagnosis/finding.ts'
import { deleteObject } from '../../diagnosis/kubectl-commands.ts'
import { valueOf, whyNot } from '../../diagnosis/lookup.ts'
import { error, ok, unchecked } from '../installation-findings.ts'
import { argumentOf, webhookContainer } from '../mounted-file.ts'
import { restoredBy } from '../restore.ts'
import type { Survey } from '../survey.ts'

export function checkService(survey: Survey): readonly Finding[] {
  return [...checkPath(survey), checkEndpoints(survey)]
}

type ServicePort = NonNullable<Service['spec']['ports']>[number]

function checkPath(survey: Survey): readonly Finding[] {
  const { service } = survey
  const { namespace = '', name = '', port: expected = 443 } = valueOf(survey.webhook)?.clientConfig.service ?? {}
  if (service.state === 'unknown') return [unchecked('service', service.why)]
  const title = `Service ${namespace}/${name}`
  if (service.state === 'absent') return [restoredBy(error('service', `there is no ${title}`), survey)]
  const ports = service.value.spec.ports ?? []
  const port = ports.find((candidate) => candidate.port === expected)
  if (port !== undefined) return checkTurns(service.value, port, survey)
  const others = ports.map((candidate) => candidate.port).join(', ')
  const finding = error('service', `the ${title} has no port ${expected}, only ${others}`)
  // Two ports of one name would be refused.
  return [restoredBy(finding, survey, deleteObject({ kind: 'service', name, namespace }))]
}

function checkTurns(service: Service, port: ServicePort, survey: Survey): readonly Finding[] {
  const { namespace = '', name = '' } = valueOf(survey.webhook)?.clientConfig.service ?? {}
  const deployment = valueOf(survey.deployment)
  const problems = [...selectorProblems(service, deployment), ...targetProblems(port, deployment)]
  if (problems.length === 0) {
    return [ok('service', `${namespace}/${name}, port ${port.port}${describeTarget(port, deployment)}`)]
  }
  return problems.map((problem) => restoredBy(error('service', `the Service ${namespace}/${name}: ${problem}`), survey))
}

function describeTarget(port: ServicePort, deployment: Deployment | undefined): string {
  return deployment === undefined
    ? ''
    : `, to port ${portText(port)} of the pods of Deployment ${deployment.metadata.name}`
}

function portText({ port, targetPort = port }: ServicePort): string {
  return String(targetPort)
}

function selectorProblems({ spec: { selector } }: Service, deployment: Deployment | undefined): readonly string[] {
  const labels = deployment?.spec.template.metadata?.labels
  if (deployment === undefined || selector === undefined || labels === undefined) return []
  if (selects({ matchLabels: selector }, labels)) return []
  const wanted = JSON.stringify(deployment.spec.selector.matchLabels ?? {})
  return [
    `it selects ${JSON.stringify(selector)}, and so not the pods of Deployment ${deployment.metadata.name}, which have ${wanted}`,
  ]
}

/** The port on which `serve` listens decides; the names and numbers between it and the Service have to lead there. */
function targetProblems(port: ServicePort, deployment: Deployment | undefined): readonly string[] {
  if (deployment === undefined) return []
  const { spec } = deployment.spec.template
  const listening = listeningPort(spec)
  const { targetPort = port.port } = port
  const number = typeof targetPort === 'number' ? targetPort : containerPortNamed(targetPort, spec)
  if (number === listening) return []
  const named = `port ${port.port} leads to targetPort ${targetPort}`
  if (number !== undefined) {
    const which = number === targetPort ? '' : `, which is ${number}`
    return [`${named}${which}: the webhook listens on ${listening}${describeName(listening, spec)}`]
  }
  const names = allPorts(spec).flatMap(({ name }) => name ?? [])
  return [`${named}, a name that no container has, only ${names.join(', ')}: the webhook listens on ${listening}`]
}

function describeName(number: number, spec: ClusterPodSpec): string {
  const name = allPorts(spec).find(({ containerPort }) => containerPort === number)?.name
  return name === undefined ? '' : ` (${name})`
}

function listeningPort(spec: ClusterPodSpec): number {
  return Number(argumentOf(webhookContainer(spec), '--port') ?? defaultWebhookPort)
}

function containerPortNamed(wanted: string, spec: ClusterPodSpec): number | undefined {
  return allPorts(spec).find(({ name }) => name === wanted)?.containerPort
}

function allPorts({
  containers,
}: ClusterPodSpec): readonly { readonly name?: string; readonly containerPort: number }[] {
  return containers.flatMap(({ ports = [] }) => ports)
}

function checkEndpoints(survey: Survey): Finding {
  const { endpointSlices, service } = survey
  if (endpointSlices.state !== 'found') return unchecked('endpoints', whyNot(endpointSlices, 'there is no Service'))
  const endpoints = endpointSlices.value.flatMap((slice) => slice.endpoints ?? [])
  if (endpoints.length === 0) {
    const selector = JSON.stringify(valueOf(service)?.spec.selector ?? {})
    return error(
      'endpoints',
      `there are none: no pod has the labels that the Service selects (${selector}), or none has an address yet`,
    )
  }
  const ready = readyAddresses(endpointSlices.value)
  if (ready.length === 0) return error('endpoints', `none of ${endpoints.length} is ready`)
  const name = servicePortName(survey)
  const withPort = readyAddresses(endpointSlices.value.filter((slice) => hasPort(slice, name)))
  if (withPort.length > 0) return ok('endpoints', `${withPort.length} ready: ${withPort.join(', ')}`)
  return error(
    'endpoints',
    `${ready.length} ready, and none has the Service's port ${name === '' ? 'without a name' : name}: no container has its targetPort`,
    'let targetPort of the Service name a port of the container, as the chart does',
  )
}

/** Also true before the Service is known: nothing is said about its port then. */
function hasPort({ ports }: EndpointSlice, wanted: string | undefined): boolean {
  return wanted === undefined || (ports ?? []).some(({ name = '', port }) => name === wanted && port !== undefined)
}

function servicePortName({ service, webhook }: Survey): string | undefined {
  const expected = valueOf(webhook)?.clientConfig.service?.port ?? 443
  const port = valueOf(service)?.spec.ports?.find((candidate) => candidate.port === expected)
  return port === undefined ? undefined : (port.name ?? '')
}

function readyAddresses(slices: readonly EndpointSlice[]): readonly string[] {
  return slices
    .flatMap(({ endpoints }) => endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready !== false)
    .flatMap(({ addresses }) => addresses)
}
