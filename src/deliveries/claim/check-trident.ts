/**
 * Checks Trident itself: its driver and controller, the definitions for sharing, and a backend for each driver in use.
 */
import type { Cluster } from '../../cluster/cluster.ts'
import type {
  CSIDriver,
  Deployment,
  TridentBackendConfig,
  TridentVolume,
  TridentVolumeReference,
} from '../../cluster/objects.ts'
import { resources } from '../../cluster/resources.ts'
import { provisioner } from './render-trident.ts'
import { withCommands, type Finding } from '../../diagnosis/finding.ts'
import { error, ok, unchecked, warning } from './checks.ts'
import { lookup, valueOf, whyNot, type Lookup } from '../../diagnosis/lookup.ts'
import { listOf } from '../shared/check-context.ts'
import { describeObject } from '../../diagnosis/kubectl-commands.ts'

export interface Trident {
  readonly driver: Lookup<CSIDriver>
  readonly controllers: Lookup<readonly Deployment[]>
  readonly backends: Lookup<readonly TridentBackendConfig[]>
  readonly volumes: Lookup<readonly TridentVolume[]>
}

export async function seeTrident(cluster: Cluster): Promise<Trident> {
  const [driver, controllers, backends, volumes] = await Promise.all([
    lookup(() => cluster.get(resources.csiDrivers, provisioner)),
    listOf(cluster, resources.deployments, { labelSelector: 'app=controller.csi.trident.netapp.io' }),
    listOf(cluster, resources.tridentBackendConfigs),
    listOf(cluster, resources.tridentVolumes),
  ])
  return { driver, controllers, backends, volumes }
}

/** `drivers`: the drivers that the storage classes name. */
export function checkTrident(
  trident: Trident,
  references: Lookup<readonly TridentVolumeReference[]>,
  drivers: readonly string[],
): readonly Finding[] {
  const missing = [
    ...(trident.driver.state === 'absent' ? [`there is no CSIDriver ${provisioner}`] : []),
    ...(references.state === 'absent' ? ['the API server knows no TridentVolumeReferences'] : []),
    ...(trident.backends.state === 'absent' ? ['the API server knows no TridentBackendConfigs'] : []),
  ]
  if (missing.length > 0) return [error('trident', missing.join('; '))]
  return [checkDriver(trident), ...drivers.map((driver) => checkBackend(driver, trident))]
}

function checkDriver({ driver, controllers }: Trident): Finding {
  if (driver.state !== 'found') return unchecked('trident', whyNot(driver))
  const [controller] = valueOf(controllers) ?? []
  return controller === undefined
    ? ok('trident', `the driver ${provisioner} is registered`)
    : checkController(controller)
}

function checkController({
  metadata: { namespace = '', name },
  status: { readyReplicas = 0 } = {},
}: Deployment): Finding {
  const what = `its controller ${namespace}/${name} has ${readyReplicas} ready ${readyReplicas === 1 ? 'pod' : 'pods'}`
  return readyReplicas > 0
    ? ok('trident', what)
    : withCommands(
        error('trident', what, 'see why it does not run'),
        describeObject({ kind: 'deployment', name, namespace }),
      )
}

/** A backend may also be made with tridentctl, without a TridentBackendConfig. */
function checkBackend(driver: string, { backends, controllers }: Trident): Finding {
  if (backends.state !== 'found') return unchecked('trident-backend', whyNot(backends))
  const fitting = backends.value.filter(({ spec }) => spec.storageDriverName === driver)
  if (fitting.length === 0) {
    return warning(
      'trident-backend',
      `no TridentBackendConfig has the driver ${driver}; one that was made with tridentctl is not seen here`,
      'apply what model-injector render claim prints, unless tridentctl get backend shows one',
    )
  }
  const accepted = fitting.filter(isAccepted)
  if (accepted.length > 0) {
    return ok('trident-backend', `${accepted.map(nameOf).join(', ')}: accepted, with the driver ${driver}`)
  }
  const home = valueOf(controllers)?.[0]?.metadata.namespace
  return withCommands(
    error('trident-backend', fitting.map((backend) => `${nameOf(backend)} ${refusalOf(backend, home)}`).join('; ')),
    'kubectl get tridentbackendconfigs -A',
  )
}

function isAccepted({ status }: TridentBackendConfig): boolean {
  return status?.phase === 'Bound' && status.lastOperationStatus !== 'Failed'
}

/** awsapi/aws.go of Trident also reads the six characters that AWS appends to the name of a secret. */
const wholeSecret = /^arn:[^:]+:secretsmanager:[^:]+:\d{12}:secret:.+-[A-Za-z0-9]{6}$/

/** `home`: Trident's own namespace, if known. */
function refusalOf(
  { metadata: { namespace }, spec: { credentials }, status = {} }: TridentBackendConfig,
  home: string | undefined,
): string {
  const said = [status.phase, status.lastOperationStatus, status.message].filter(
    (part) => part !== undefined && part !== '',
  )
  const isPartial = credentials?.type === 'awsarn' && !wholeSecret.test(credentials.name ?? '')
  const reason = isPartial
    ? `; its credentials ${credentials.name ?? ''} are no whole ARN of a secret, with the six characters at its end`
    : ''
  if (said.length > 0) return `is ${said.join(', ')}${reason}`
  return home === undefined || home === namespace
    ? `was not looked at by Trident${reason}`
    : `was not looked at by Trident, which runs in ${home} and reads no other namespace${reason}`
}

function nameOf({ metadata }: TridentBackendConfig): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`
}
