/**
 * Companion resources for models on FSx for ONTAP: one volume that a publisher fills and Trident shares with other
 * namespaces.
 */
import { namespace } from '../../render/namespace.ts'
import {
  accessCommands,
  accessFiles,
  accessStackOf,
  readerParts,
  type RoleParts,
} from '../../render/pod-identity-association.ts'
import { publisherCronJob, publisherJob, type PublisherPlan } from './render-publisher.ts'
import { pruner } from './render-pruner.ts'
import type { Rendering } from '../../render/rendering.ts'
import { serviceAccount } from '../../render/service-account.ts'
import {
  backendConfig,
  consumerClaim,
  sharedClaim,
  storageClass,
  volumeReference,
  type Backend,
  type SharedModel,
} from './render-trident.ts'
import { tridentRole } from './render-trident-role.ts'
import type { ReadAccess } from '../../render/access.ts'
import { fit } from '../../render/names.ts'

export interface ClaimPlan {
  readonly backend: Backend
  readonly models: readonly SharedModel[]
  readonly publisher: PublisherPlan
  /** Age at which a version that no pod mounts is removed; undefined keeps all. */
  readonly pruneOlderThan?: string | undefined
  /** Fields that the plan does not derive itself. */
  readonly access: Pick<ReadAccess, 'cluster' | 'trust' | 'bucketRegions' | 'kmsKey'>
}

export function renderClaim(plan: ClaimPlan): Rendering {
  const { backend, models, publisher } = plan
  const roles = [readerParts(publisherAccess(plan)), tridentRole(backend, plan.access)]
  return {
    kubernetes: [
      namespace(publisher.namespace),
      storageClass(backend),
      backendConfig(backend),
      serviceAccount(
        { namespace: publisher.namespace, serviceAccount: publisher.serviceAccount },
        publisherAccess(plan),
        { automountToken: false },
      ),
      ...models.flatMap((model) => objectsOf(model, plan)),
    ],
    stacks: roles.map(accessStackOf),
    commands: roles.flatMap(accessCommands),
    files: roles.flatMap(accessFiles),
    notes: notesOf(plan, roles),
  }
}

function objectsOf(model: SharedModel, { backend, publisher, pruneOlderThan }: ClaimPlan): Rendering['kubernetes'] {
  return [
    sharedClaim(model, publisher.namespace, backend),
    publisherJob(model, publisher),
    publisherCronJob(model, publisher),
    ...(pruneOlderThan === undefined ? [] : pruner(model, publisher, pruneOlderThan)),
    ...model.namespaces.flatMap((consumer) => [
      volumeReference(model, consumer, publisher.namespace),
      consumerClaim(model, consumer, publisher.namespace, backend),
    ]),
  ]
}

function publisherAccess({ access, models, publisher }: ClaimPlan): ReadAccess {
  return {
    ...access,
    scope: 'source',
    role: fit(`${access.cluster.name}-${publisher.namespace}-${publisher.serviceAccount}`, 64),
    identities: [{ namespace: publisher.namespace, serviceAccount: publisher.serviceAccount }],
    sources: models.map(({ source }) => source),
    readsTags: publisher.requiredTag !== undefined,
  }
}

function notesOf({ backend, models, publisher }: ClaimPlan, [, trident]: readonly RoleParts[]): string[] {
  return [
    `${backend.tridentNamespace}/${trident?.access.identities[0]?.serviceAccount ?? ''}: restart Trident's controller after its role is associated; pods that exist get no credentials`,
    ...models.map(
      ({ claim, source }) =>
        `${source.uri}VERSION/ is published as pvc://${claim}/versions/VERSION once it has a manifest.sha256 (sha256sum of all its other files)${publisher.requiredTag === undefined ? '' : ` with the tag ${publisher.requiredTag}`}`,
    ),
  ]
}
