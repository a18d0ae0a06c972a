/** Names the images of loaders that nodes cannot pull: how many pods wait for each, which one, why, and the remedy. */
import type { ClusterPod } from '../../cluster/objects.ts'
import { withCommands, type Finding } from '../../diagnosis/finding.ts'
import { describeObject } from '../../diagnosis/kubectl-commands.ts'
import { whyNot } from '../../diagnosis/lookup.ts'
import { isLoaderName } from '../../pod/injected-names.ts'
import { configOf } from '../configured.ts'
import { error, ok, unchecked } from '../installation-findings.ts'
import { obstaclesOf, type PodObstacle } from '../pod-waiting.ts'
import type { Survey } from '../survey.ts'

export function checkLoaderPull(survey: Survey): readonly Finding[] {
  const { pendingPods } = survey
  if (pendingPods.state !== 'found') return [unchecked('loader-pull', whyNot(pendingPods))]
  const { pods, unread } = pendingPods.value
  const groups = Map.groupBy(pods.flatMap(pullsOf), ({ obstacle }) => obstacle.container?.image ?? '')
  const findings = [...groups].map(([image, pulls]) => describeGroup(image, pulls, survey))
  const rest = unread === undefined ? [] : [unchecked('loader-pull', unread)]
  if (findings.length > 0 || rest.length > 0) return [...findings, ...rest]
  return [ok('loader-pull', `of ${pods.length} pending pods none`)]
}

interface Pull {
  readonly pod: ClusterPod
  readonly obstacle: PodObstacle
}

function pullsOf(pod: ClusterPod): readonly Pull[] {
  return obstaclesOf(pod)
    .filter(({ kind, container }) => kind === 'image' && container?.isInit === true && isLoaderName(container.name))
    .slice(0, 1)
    .map((obstacle) => ({ pod, obstacle }))
}

function describeGroup(image: string, pulls: readonly Pull[], survey: Survey): Finding {
  const [example] = pulls
  const { name = '', namespace = '' } = example?.pod.metadata ?? {}
  const namespaces = new Set(pulls.map(({ pod: { metadata } }) => metadata.namespace))
  const { reason = '', message = '' } = example?.obstacle ?? {}
  const who = `${count(pulls.length, 'pod')} in ${count(namespaces.size, 'namespace')}, as ${namespace}/${name}`
  const what = `${image} cannot be pulled for ${who}: ${reason}${message === '' ? '' : `: ${message}`}`
  const remedy = [remedyFor(message, namespace, survey), ...remedyForOld(image, survey)].join('; ')
  return withCommands(error('loader-pull', what, remedy), describeObject({ kind: 'pod', name, namespace }))
}

function remedyFor(message: string, namespace: string, survey: Survey): string {
  if (/unauthorized|authorization failed|denied|forbidden|credential|40[13]/i.test(message)) {
    return `${describeSecrets(namespace, survey)}; or mirror the image into a registry that needs none`
  }
  if (/not found|manifest unknown|does not exist/i.test(message)) {
    return 'copy the image there by its digest (a mirror), or name the registry that has it: image.* of the chart, or config.defaults.image'
  }
  if (/NeverPull|not present with pull policy/i.test(message)) {
    return 'set config.loader.imagePullPolicy of the chart to IfNotPresent, or bring the image to every node'
  }
  return 'let the nodes reach the registry, or mirror the image into one that they reach, and name it: image.* of the chart, or config.defaults.image'
}

function describeSecrets(namespace: string, survey: Survey): string {
  const names = configOf(survey).loader.imagePullSecrets
  const known = survey.configuration.state === 'found'
  if (!known) return `name a pull secret in config.loader.imagePullSecrets of the chart; it has to be in ${namespace}`
  return names.length === 0
    ? `name a pull secret in config.loader.imagePullSecrets of the chart, which has none, and create it in ${namespace}`
    : `see that the pull secret is in ${namespace} and of that registry (config.loader.imagePullSecrets: ${names.join(', ')})`
}

/** A loader's image is decided once, when its pod is created. */
function remedyForOld(image: string, survey: Survey): readonly string[] {
  const today = configOf(survey).defaults.image
  return survey.configuration.state !== 'found' || today === undefined || today === image
    ? []
    : [`loaders of new pods run ${today}: delete the pods that wait, so that their controllers make new ones`]
}

function count(number: number, unit: string): string {
  return `${number} ${unit}${number === 1 ? '' : 's'}`
}
