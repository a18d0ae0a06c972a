/** Companion resources for models from S3: identity, permissions and bucket. */
import type { ReadAccess } from '../../render/access.ts'
import { bucketStacks, type BucketPlan } from '../../render/bucket.ts'
import { accessCommands, accessFiles, accessStackOf, readerParts } from '../../render/pod-identity-association.ts'
import type { Rendering } from '../../render/rendering.ts'
import { serviceAccounts } from '../../render/service-account.ts'

export function renderDownload(access: ReadAccess, bucket?: BucketPlan): Rendering {
  const reader = readerParts(access)
  return {
    kubernetes: serviceAccounts(access),
    stacks: [accessStackOf(reader), ...(bucket === undefined ? [] : bucketStacks(bucket))],
    commands: accessCommands(reader),
    files: accessFiles(reader),
    notes: notesOf(access),
  }
}

function notesOf({ identities, scope, sources }: ReadAccess): string[] {
  const shared = identities
    .filter(({ serviceAccount }) => serviceAccount === 'default')
    .map(
      ({ namespace }) =>
        `every pod of ${namespace} that names no service account gets this role: give the app one of its own`,
    )
  const layout =
    scope === 'source'
      ? []
      : sources.map(
          ({ uri }) =>
            `each ${scope === 'namespace' ? 'namespace' : 'service account'} reads ${uri}${scope === 'namespace' ? 'NAMESPACE/' : 'NAMESPACE/SERVICEACCOUNT/'}, and nothing else`,
        )
  return [...shared, ...layout]
}
