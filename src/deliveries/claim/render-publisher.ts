/** The publisher copies versions from S3 to the shared volume: once at the start, then new versions on a schedule. */
import { digest, fit, label } from '../../render/names.ts'
import { plain, explain, type Branch, type Tree } from '../../render/tree.ts'
import type { SharedModel } from './render-trident.ts'

export interface PublisherPlan {
  readonly namespace: string
  readonly serviceAccount: string
  readonly image: string
  readonly imagePullSecrets: readonly string[]
  readonly schedule: string
  /** Object tag, as `status=published`, that the manifest of a version must carry. */
  readonly requiredTag?: string | undefined
  readonly bucketRegion: string
}

export const volumeRoot = '/models-volume'

/** User of the product's image. */
const user = 65532

/** A Job is immutable, so a changed one gets another name. */
export function publisherJob(model: SharedModel, publisher: PublisherPlan): Tree {
  const spec = jobSpec(publisherPod(model, publisher))
  const name = `publish-${fit(label(model.claim), 40)}-${digest(JSON.stringify(plain(spec)), 8)}`
  return explain('Publishes what is there now; the CronJob goes on from here.', {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace: publisher.namespace },
    spec,
  })
}

export function publisherCronJob(model: SharedModel, publisher: PublisherPlan): Tree {
  return cronJob(
    { name: `publish-${fit(label(model.claim), 44)}`, namespace: publisher.namespace },
    publisher.schedule,
    publisherPod(model, publisher),
  )
}

export function cronJob(metadata: Branch, schedule: string, pod: Branch): Tree {
  return {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata,
    spec: {
      schedule,
      concurrencyPolicy: explain('A run that takes longer than the interval is not joined by a second one.', 'Forbid'),
      startingDeadlineSeconds: explain('Without it a hundred missed runs stop the schedule for good.', 600),
      successfulJobsHistoryLimit: 1,
      failedJobsHistoryLimit: 3,
      jobTemplate: { spec: jobSpec(pod) },
    },
  }
}

function jobSpec(pod: Branch): Branch {
  return {
    backoffLimit: 4,
    activeDeadlineSeconds: explain('A run that hangs ends, and the next one continues.', 7200),
    ttlSecondsAfterFinished: explain('A day to read the log.', 86_400),
    template: { spec: pod },
  }
}

function publisherPod(model: SharedModel, publisher: PublisherPlan): Branch {
  const tag = publisher.requiredTag === undefined ? [] : ['--required-tag', publisher.requiredTag]
  return podOf(model, publisher, {
    serviceAccountName: explain(
      'With a role of its own: apps cannot write to the volume, and this cannot do what apps can.',
      publisher.serviceAccount,
    ),
    automountServiceAccountToken: false,
    args: ['publish', '--source', model.source.uri, '--volume', volumeRoot, '--region', publisher.bucketRegion, ...tag],
    // AWS_REGION is left to the identity webhook: it is the cluster's, whose STS gives the role.
    env: [{ name: 'AWS_EC2_METADATA_DISABLED', value: explain("Never the node's role.", 'true') }],
  })
}

interface PodParts {
  readonly serviceAccountName: Tree
  readonly automountServiceAccountToken: boolean
  readonly args: readonly string[]
  readonly env: readonly Tree[]
}

export function podOf(
  { claim }: SharedModel,
  { image, imagePullSecrets }: PublisherPlan,
  { args, env, ...account }: PodParts,
): Branch {
  return {
    restartPolicy: 'Never',
    ...account,
    ...(imagePullSecrets.length === 0 ? {} : { imagePullSecrets: imagePullSecrets.map((name) => ({ name })) }),
    securityContext: {
      runAsNonRoot: true,
      runAsUser: user,
      runAsGroup: user,
      fsGroup: user,
      fsGroupChangePolicy: 'OnRootMismatch',
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [
      {
        name: 'publisher',
        image,
        args,
        ...(env.length === 0 ? {} : { env }),
        resources: { requests: { cpu: '1', memory: '512Mi' }, limits: { memory: '512Mi' } },
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        terminationMessagePolicy: 'FallbackToLogsOnError',
        volumeMounts: [
          {
            name: 'models',
            mountPath: explain(
              'The root of the volume: versions/VERSION and the link current stand in it.',
              volumeRoot,
            ),
          },
          { name: 'tmp', mountPath: '/tmp' },
        ],
      },
    ],
    volumes: [
      { name: 'models', persistentVolumeClaim: { claimName: claim } },
      { name: 'tmp', emptyDir: { sizeLimit: '64Mi' } },
    ],
  }
}
