/**
 * Injects `s3://` by download: a loader fills a volume before the app starts. The loader mounts the root of the volume and
 * publishes a finished model as `<id>/files` by one rename; the app mounts that directory and never sees a partial model.
 */
import { shortHash } from '../../values/short-hash.ts'
import { formatExpectation } from '../../values/expectation.ts'
import { formatLoaderEnv, type LoaderVariableName } from '../../loader-contract.ts'
import { formatBytes, withHeadroom } from '../../values/quantity.ts'
import { annotationKey } from '../../request/keys.ts'
import { annotationField } from '../../pod/field-path.ts'
import { volumeMediumOf } from '../../request/volume-medium.ts'
import { dataVolumeName, loaderRoot } from '../../pod/injected-names.ts'
import { volumesOf, type EnvVar, type Pod, type Volume } from '../../pod/pod.ts'
import type { ModelRequest } from '../../request/model-request.ts'
import type { DeliveredModel, Deliverer, DeliveryContext } from '../delivery.ts'
import { enumerate } from '../../values/print/printable.ts'
import { findByName } from '../../pod/lookup.ts'

export const downloadDelivery: Deliverer = { deliver: deliverDownload }

function deliverDownload(model: ModelRequest, context: DeliveryContext): DeliveredModel | undefined {
  const volume = chooseVolume(model, context)
  if (volume === undefined) return undefined
  warnOfGaps(model, context)
  const id = modelId(model)
  return {
    volume: volume.name,
    subPath: `${id}/files`,
    volumes: volume.added,
    needsFsGroup: volume.needsFsGroup,
    loader: {
      kind: 'load',
      id,
      env: loaderEnv(model, id, context),
      volumeMount: { name: volume.name, mountPath: loaderRoot },
    },
  }
}

export type ModelContent = Pick<ModelRequest, 'source' | 'endpoint' | 'region' | 'include' | 'exclude' | 'expect'>

/** Id of the model's content: it changes with every setting that changes the selected files. 16 hexadecimal digits. */
export function modelId({ source, endpoint, region, include, exclude, expect }: ModelContent): string {
  const inputs = [
    source.uri,
    endpoint ?? '',
    region ?? '',
    include,
    exclude,
    expect === undefined ? '' : formatExpectation(expect),
  ]
  return shortHash(JSON.stringify(inputs))
}

const podUid: EnvVar = {
  name: 'MODEL_POD_UID' satisfies LoaderVariableName,
  valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.uid' } },
}

function loaderEnv(model: ModelRequest, id: string, { request, config, pod }: DeliveryContext): EnvVar[] {
  const values = formatLoaderEnv({
    MODEL_NAME: model.name,
    MODEL_SOURCE: model.source,
    MODEL_ROOT: loaderRoot,
    MODEL_ID: id,
    MODEL_INCLUDE: model.include,
    MODEL_EXCLUDE: model.exclude,
    MODEL_EXPECT: model.expect,
    MODEL_SIZE_BYTES: model.sizeBytes,
    MODEL_READ_ONLY: model.readOnly,
    MODEL_REUSE: outlivesPod(model, pod) ? (config.loader.reuse ?? 'verify') : undefined,
    MODEL_REQUIRE_CHECKSUMS: config.requireChecksums,
    MODEL_CREDENTIALS: request.credentials,
    MODEL_ENDPOINT: model.endpoint,
    MODEL_ADDRESSING: model.addressing,
    MODEL_REQUESTER_PAYS: model.requesterPays,
    MODEL_TIMEOUT_SECONDS: request.timeoutSeconds,
    MODEL_STALL_TIMEOUT_SECONDS: request.stallTimeoutSeconds,
    MODEL_REGION: model.region,
    MODEL_ENGINE: request.engine,
    MODEL_S5CMD_PATH: request.engine === 's5cmd' ? config.loader.s5cmdPath : undefined,
  })
  return [...values, podUid]
}

/** True for a claim, the one kind of an existing volume that outlives the pod: other pods may have written to it. */
function outlivesPod({ volume }: ModelRequest, pod: Pod): boolean {
  return volume.kind === 'existing' && 'persistentVolumeClaim' in (findByName(volumesOf(pod), volume.volume) ?? {})
}

interface ChosenVolume {
  readonly name: string
  readonly added: readonly Volume[]
  readonly needsFsGroup: boolean
}

function chooseVolume(model: ModelRequest, context: DeliveryContext): ChosenVolume | undefined {
  const { volume, sizeBytes } = model
  const name = dataVolumeName(model.suffix)
  switch (volume.kind) {
    case 'disk':
      return { name, added: [{ name, emptyDir: { ...sizeLimit(sizeBytes) } }], needsFsGroup: false }
    case 'memory':
      return requireSize(model, context, (bytes) => ({
        name,
        added: [{ name, emptyDir: { medium: 'Memory', ...sizeLimit(bytes) } }],
        needsFsGroup: false,
      }))
    case 'ephemeral':
      return requireSize(model, context, (bytes) => ({
        name,
        added: [ephemeralVolume(name, volume.storageClass, bytes)],
        needsFsGroup: true,
      }))
    case 'existing':
      return existingVolume(model, volume.volume, context)
  }
}

function sizeLimit(bytes: number | undefined): { sizeLimit?: string } {
  return bytes === undefined ? {} : { sizeLimit: formatBytes(withHeadroom(bytes)) }
}

function ephemeralVolume(name: string, storageClassName: string, bytes: number): Volume {
  const resources = { requests: { storage: formatBytes(withHeadroom(bytes)) } }
  return {
    name,
    ephemeral: { volumeClaimTemplate: { spec: { accessModes: ['ReadWriteOnce'], storageClassName, resources } } },
  }
}

function requireSize(
  model: ModelRequest,
  context: DeliveryContext,
  make: (bytes: number) => ChosenVolume,
): ChosenVolume | undefined {
  if (model.sizeBytes !== undefined) return make(model.sizeBytes)
  context.findings.deny({
    reason: 'SizeRequired',
    field: annotationField(annotationKey(context.config.annotationPrefix, 'size', model.suffix)),
    problem:
      model.volume.kind === 'ephemeral' ? 'is required for an ephemeral volume' : 'is required for a volume in memory',
    accepted: 'a Kubernetes quantity, as 20Gi',
  })
  return undefined
}

function existingVolume(model: ModelRequest, name: string, context: DeliveryContext): ChosenVolume | undefined {
  const { pod, config, findings } = context
  const volume = findByName(volumesOf(pod), name)
  if (volume !== undefined && isWritable(volume)) {
    const chosen = { name, added: [], needsFsGroup: !('emptyDir' in volume) }
    return volumeMediumOf(model, pod) === 'memory' ? requireSize(model, context, () => chosen) : chosen
  }
  findings.deny({
    reason: 'VolumeNotUsable',
    field: annotationField(annotationKey(config.annotationPrefix, 'volume', model.suffix)),
    found: `existing/${name}`,
    problem:
      volume === undefined ? 'names a volume the pod does not have' : 'names a volume that a loader cannot write to',
    accepted: `an emptyDir, ephemeral or writable persistentVolumeClaim volume of the pod${listWritable(volumesOf(pod))}`,
  })
  return undefined
}

function isWritable(volume: Volume): boolean {
  if ('persistentVolumeClaim' in volume) return volume.persistentVolumeClaim?.readOnly !== true
  return 'emptyDir' in volume || 'ephemeral' in volume
}

function listWritable(volumes: readonly Volume[]): string {
  const names = volumes.filter(isWritable).map(({ name }) => name)
  return names.length === 0 ? '' : `: ${enumerate(names)}`
}

function warnOfGaps(model: ModelRequest, { pod, config, findings }: DeliveryContext): void {
  const source = (): string => annotationField(annotationKey(config.annotationPrefix, 'source', model.suffix))
  if (model.expect === undefined) {
    findings.warn(
      'NoExpectation',
      `${model.name}: without expect, a model still being uploaded looks complete`,
      source(),
    )
  }
  if (volumeMediumOf(model, pod) === 'disk' && model.sizeBytes === undefined) {
    findings.warn(
      'NoSize',
      `${model.name}: without size, the scheduler may choose a node whose disk is too small`,
      source(),
    )
  }
  if (model.endpoint?.startsWith('http://')) {
    findings.warn(
      'PlaintextEndpoint',
      `${model.name}: the endpoint is http://, the model travels unprotected`,
      source(),
    )
  }
}
