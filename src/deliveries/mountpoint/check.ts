/**
 * Checks for `s3://` by the Mountpoint CSI driver: the driver, and for each model a volume and a claim bound to each other.
 */
import type { PersistentVolume } from '../../cluster/objects.ts'
import { resources } from '../../cluster/resources.ts'
import { mountpointClaimName } from './inject.ts'
import type { S3Source } from '../../values/source.ts'
import { withCommands, type Finding } from '../../diagnosis/finding.ts'
import { error, ok, unchecked } from './checks.ts'
import { lookup, valueOf, type Lookup } from '../../diagnosis/lookup.ts'
import {
  checkAccess,
  checkBinding,
  checkPresent,
  checkReleased,
  isReferenceByName,
  seeClaim,
} from '../shared/check-claim.ts'
import { listOf, type DeliveryCheck, type DeliveryCheckContext } from '../shared/check-context.ts'
import { checkDriver, checkGate, seeDriver } from './check-driver.ts'
import { recreateStaticClaim, checkStatic } from './check-static.ts'
import { checkMountedVolume, type MountedPrefix } from './check-volume.ts'
import { sectionTitle, type RequestedModel } from '../shared/requested-model.ts'

export const checkMountpoint: DeliveryCheck = async (question) => {
  const { models, cluster, namespace, known } = question
  if (models.length === 0) return []
  const driver = await seeDriver(cluster, namespace)
  const volumes = await listOf(cluster, resources.persistentVolumes)
  const prefixes = await Promise.all(models.map((model) => seePrefix(question, model, volumes)))
  return [
    { title: 'Mountpoint CSI driver', findings: [...checkDriver(driver), ...checkGate(driver, known)] },
    ...(await Promise.all(
      prefixes.map(async (prefix) => ({
        title: sectionTitle(prefix.source.uri, prefix.consumers),
        findings: [...checkPrefix(prefix), ...(await checkAccounts(question, prefix))],
      })),
    )),
  ]
}

async function seePrefix(
  { cluster, namespace }: DeliveryCheckContext,
  model: RequestedModel,
  volumes: Lookup<readonly PersistentVolume[]>,
): Promise<MountedPrefix> {
  const source = model.source as S3Source
  const seen = await seeClaim(cluster, { namespace, name: model.claim ?? mountpointClaimName(source) })
  // A volume meant for the claim, if the claim does not name it or is not bound to it.
  const meant = valueOf(volumes)?.find(({ spec: { claimRef } }) => isReferenceByName(claimRef, seen))
  return {
    ...seen,
    source,
    region: model.region,
    consumers: model.consumers,
    volumes,
    meant: valueOf(seen.volume) ?? meant,
  }
}

function checkPrefix(prefix: MountedPrefix): readonly Finding[] {
  const { claim, meant: volume } = prefix
  if (claim.state === 'unknown') return [unchecked('claim', claim.why)]
  if (claim.state === 'absent') return [missingClaim(prefix)]
  const rules = [
    ...checkStatic(prefix, claim.value),
    ...(volume === undefined ? [] : checkMountedVolume(prefix, volume)),
  ]
  const isExplained = rules.some(({ severity }) => severity === 'error')
  return [
    checkPresent({ ...prefix, claim: claim.value }),
    (volume && checkReleased(prefix, volume)) ?? checkBinding(prefix, isExplained),
    checkAccess(prefix, claim.value, (change) => recreateStaticClaim(prefix, claim.value, change)),
    ...rules,
  ]
}

function missingClaim({ source, namespace, name, consumers, meant }: MountedPrefix): Finding {
  const account = consumers[0]?.serviceAccount ?? 'SERVICEACCOUNT'
  const remedy = `apply what model-injector render mountpoint --source ${source.uri} -n ${namespace} --service-account ${account} prints`
  return error(
    'claim',
    `there is no claim ${namespace}/${name}${meant === undefined ? '' : `, though the volume ${meant.metadata.name} is meant for it`}`,
    remedy,
  )
}

/** The driver requests a token of the pod's service account, and assumes its role with it. */
async function checkAccounts(
  { cluster, namespace }: DeliveryCheckContext,
  { consumers }: MountedPrefix,
): Promise<readonly Finding[]> {
  const names = [...new Set(consumers.map(({ serviceAccount }) => serviceAccount))]
  return Promise.all(
    names.map(async (name) => {
      const account = await lookup(() => cluster.get(resources.serviceAccounts, name, namespace))
      if (account.state === 'unknown') return unchecked('service-account', account.why)
      if (account.state === 'found') return ok('service-account', `${namespace}/${name}`)
      return withCommands(
        error(
          'service-account',
          `there is no service account ${namespace}/${name}`,
          'create it; what it may read, model-injector render download says',
        ),
        `kubectl create serviceaccount ${name} -n ${namespace}`,
      )
    }),
  )
}
