/** Checks the Mountpoint CSI driver, and the component that removes the scheduling gate of its headroom feature. */
import type { Cluster } from '../../cluster/cluster.ts'
import type { CSIDriver, DaemonSet, Deployment, Node, ClusterPod } from '../../cluster/objects.ts'
import { resources } from '../../cluster/resources.ts'
import type { Config } from '../../config/config.ts'
import { headroomGate } from './inject.ts'
import { mountpointDriver } from './render-volume.ts'
import { withCommands, type Finding } from '../../diagnosis/finding.ts'
import { error, ok, unchecked, warning } from './checks.ts'
import { lookup, valueOf, whyNot, type Lookup } from '../../diagnosis/lookup.ts'
import { listOf } from '../shared/check-context.ts'

export interface Driver {
  readonly driver: Lookup<CSIDriver>
  readonly controllers: Lookup<readonly Deployment[]>
  /** The DaemonSets that mount on the nodes. */
  readonly daemonSets: Lookup<readonly DaemonSet[]>
  readonly nodes: Lookup<readonly Node[]>
  /** Names of pods in the namespace that wait for the gate's removal. */
  readonly gated: Lookup<readonly string[]>
}

export async function seeDriver(cluster: Cluster, namespace: string): Promise<Driver> {
  const [driver, controllers, daemonSets, nodes, gated] = await Promise.all([
    lookup(() => cluster.get(resources.csiDrivers, mountpointDriver)),
    listOf(cluster, resources.deployments, { fieldSelector: 'metadata.name=s3-csi-controller' }),
    listOf(cluster, resources.daemonSets, { fieldSelector: 'metadata.name=s3-csi-node' }),
    listOf(cluster, resources.nodes),
    lookup(() => listGated(cluster, namespace)),
  ])
  return { driver, controllers, daemonSets, nodes, gated }
}

/** Keeps only names: a namespace may have thousands of pods. */
async function listGated(cluster: Cluster, namespace: string): Promise<readonly string[]> {
  const names: string[] = []
  for await (const pod of cluster.list(resources.pods, { namespace, fieldSelector: 'status.phase=Pending' })) {
    if (isGated(pod)) names.push(pod.metadata.name)
  }
  return names
}

function isGated({ spec }: ClusterPod): boolean {
  return (
    (spec.schedulingGates as readonly { readonly name: string }[] | undefined)?.some(
      ({ name }) => name === headroomGate,
    ) === true
  )
}

export function checkDriver({ driver, daemonSets, nodes }: Driver): readonly Finding[] {
  if (driver.state === 'unknown') return [unchecked('csi-driver', driver.why)]
  if (driver.state === 'absent') return [missingDriver()]
  return [
    checkPodInfo(driver.value),
    ...(valueOf(daemonSets) ?? []).flatMap(checkRunning),
    ...waitingNodes(valueOf(nodes) ?? []),
  ]
}

function missingDriver(): Finding {
  const install = 'aws eks create-addon --addon-name aws-mountpoint-s3-csi-driver --cluster-name CLUSTER'
  return error(
    'csi-driver',
    `there is no CSIDriver ${mountpointDriver}`,
    `install the driver, with the name of the cluster: ${install}`,
  )
}

function checkPodInfo({ spec: { podInfoOnMount = false } }: CSIDriver): Finding {
  if (podInfoOnMount) return ok('csi-driver', `${mountpointDriver} is registered, and learns which pod it mounts for`)
  return error(
    'csi-driver',
    `${mountpointDriver} does not learn which pod it mounts for (podInfoOnMount), so it cannot use the pod's service account`,
    'upgrade the driver: current versions ask for it in their CSIDriver',
  )
}

const podsOfDriver = 'kubectl get pods -A -l app=s3-csi-node -o wide'

function checkRunning({ status: { numberReady = 0, desiredNumberScheduled = 0 } = {} }: DaemonSet): readonly Finding[] {
  if (numberReady >= desiredNumberScheduled) return []
  return [
    withCommands(
      warning(
        'csi-driver',
        `the driver is ready on ${numberReady} of ${desiredNumberScheduled} nodes`,
        'see why its pods do not start',
      ),
      podsOfDriver,
    ),
  ]
}

/** On clusters set up for it, new nodes carry this taint until the driver runs there. */
const startupTaint = 's3.csi.aws.com/agent-not-ready'

function waitingNodes(nodes: readonly Node[]): readonly Finding[] {
  const waiting = nodes
    .filter(({ spec }) => spec.taints?.some(({ key }) => key === startupTaint) === true)
    .map(({ metadata }) => metadata.name)
  if (waiting.length === 0) return []
  const what = `${waiting.length} of ${nodes.length} nodes wait for the driver, with the taint ${startupTaint}: ${waiting.slice(0, 3).join(', ')}`
  return [
    withCommands(warning('csi-driver', what, 'wait for its pods there, or see why they do not start'), podsOfDriver),
  ]
}

/** Recognises the feature by the setting that the driver's chart gives the controller for it. */
function hasHeadroom({ spec }: Deployment): boolean {
  return spec.template.spec.containers.some(
    ({ env }) =>
      (env as readonly { readonly name: string }[] | undefined)?.some(
        ({ name }) => name === 'MOUNTPOINT_HEADROOM_IMAGE' || name === 'MOUNTPOINT_HEADROOM_PRIORITY_CLASS_NAME',
      ) === true,
  )
}

export function checkGate(seen: Driver, config: Lookup<Config>): readonly Finding[] {
  const { driver, controllers } = seen
  if (driver.state === 'absent') return []
  if (config.state !== 'found') return [unchecked('headroom-gate', whyNot(config))]
  if (controllers.state !== 'found') return [unchecked('headroom-gate', whyNot(controllers))]
  const [controller] = controllers.value
  return [config.value.mountpoint?.headroomGate === true ? checkTaker(controller, seen) : checkGiver(controller)]
}

/** The webhook adds the gate, so a component has to remove it. */
function checkTaker(controller: Deployment | undefined, { gated }: Driver): Finding {
  if (controller !== undefined && hasHeadroom(controller)) {
    return ok('headroom-gate', 'added by the webhook, and taken away by the driver')
  }
  const waiting = valueOf(gated) ?? []
  const pods = waiting.length === 0 ? '' : `; pods that wait for its removal: ${waiting.length}, as ${waiting[0] ?? ''}`
  const taker =
    controller === undefined
      ? 'no Deployment s3-csi-controller is there to take it away'
      : 'the driver was installed without the feature that takes it away'
  return error(
    'headroom-gate',
    `the webhook adds the gate ${headroomGate}, and ${taker}${pods}`,
    'turn the feature on in the driver (Helm value experimental.reserveHeadroomForMountpointPods), or set mountpoint.headroomGate: false in the values of model-injector; then delete the pods',
  )
}

function checkGiver(controller: Deployment | undefined): Finding {
  if (controller === undefined || !hasHeadroom(controller)) return ok('headroom-gate', 'not added, and not waited for')
  return warning(
    'headroom-gate',
    'the driver reserves headroom for pods with the gate, and the webhook adds none',
    'set mountpoint.headroomGate: true in the values of model-injector',
  )
}
