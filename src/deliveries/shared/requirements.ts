/** Determines the companion resources that the models of a pod need, with the webhook's own annotation parser. */
import type { Config } from '../../config/config.ts'
import { skipReasonOf } from '../../request/skip-reason.ts'
import { Findings } from '../../request/findings.ts'
import { readPod } from '../../pod/read-pod.ts'
import { ownAnnotations } from '../../request/keys.ts'
import { readRequest } from '../../request/read-request.ts'
import type { ModelRequest } from '../../request/model-request.ts'
import type { Diagnostic, Omitted, SkipReason, Warning } from '../../reasons.ts'
import type { Credentials } from '../../values/credentials.ts'
import type { ClaimSource, NodeSource, OciSource, S3Source } from '../../values/source.ts'
import type { Identity } from '../../render/access.ts'
import { exceededRequest } from '../../request/bounds.ts'

export interface Requirement extends Identity {
  readonly credentials: Credentials
  readonly model: ModelRequest
}

export type Requirements =
  | { readonly outcome: 'found'; readonly requirements: readonly Requirement[]; readonly warnings: readonly Warning[] }
  | { readonly outcome: 'skipped'; readonly reason: SkipReason }
  | { readonly outcome: 'denied'; readonly diagnostics: readonly Diagnostic[]; readonly omitted?: Omitted }

export function requirementsOf(object: unknown, namespace: string, config: Config): Requirements {
  const skipReason = skipReasonOf(object, config.annotationPrefix)
  if (skipReason !== undefined) return { outcome: 'skipped', reason: skipReason }
  const read = readPod(object)
  if (!read.ok) return { outcome: 'denied', diagnostics: read.diagnostics, omitted: read.omitted }
  const exceeded = exceededRequest(read.pod, config)
  if (exceeded !== undefined) return { outcome: 'denied', diagnostics: [exceeded] }
  const findings = new Findings()
  const request = readRequest(ownAnnotations(read.pod, config.annotationPrefix), config, findings)
  if (findings.denied) return { outcome: 'denied', diagnostics: findings.diagnostics, omitted: findings.omitted }
  const { models, serviceAccount, credentials } = request
  const account = serviceAccount ?? read.pod.spec.serviceAccountName ?? read.pod.spec.serviceAccount ?? 'default'
  return {
    outcome: 'found',
    requirements: models.map((model) => ({ namespace, serviceAccount: account, credentials, model })),
    warnings: findings.warnings,
  }
}

/** Requirements of all pods by kind, each model once. */
export interface SortedRequirements {
  /** Requirements that a role fulfils. */
  readonly roles: readonly Requirement[]
  readonly claims: readonly (Requirement & { readonly source: ClaimSource })[]
  readonly nodes: readonly (Requirement & { readonly source: NodeSource })[]
  readonly mounts: readonly (Requirement & { readonly source: S3Source })[]
  readonly images: readonly (Requirement & { readonly source: OciSource })[]
}

export function sortRequirements(requirements: readonly Requirement[]): SortedRequirements {
  const s3 = requirements.flatMap((requirement) =>
    requirement.model.source.scheme === 's3' ? [{ ...requirement, source: requirement.model.source }] : [],
  )
  return {
    roles: s3.filter(
      ({ credentials, model }) =>
        (credentials.kind === 'pod-identity' || credentials.kind === 'irsa') && model.endpoint === undefined,
    ),
    mounts: s3.filter(({ model }) => model.delivery === 'mountpoint'),
    claims: requirements.flatMap((requirement) =>
      requirement.model.source.scheme === 'pvc' ? [{ ...requirement, source: requirement.model.source }] : [],
    ),
    nodes: requirements.flatMap((requirement) =>
      requirement.model.source.scheme === 'node' ? [{ ...requirement, source: requirement.model.source }] : [],
    ),
    images: requirements.flatMap((requirement) =>
      requirement.model.source.scheme === 'oci' ? [{ ...requirement, source: requirement.model.source }] : [],
    ),
  }
}

/** Requirements that cannot be rendered, as notes for the user. */
export function notesOf(requirements: readonly Requirement[]): string[] {
  return requirements.flatMap(({ namespace, credentials, model }) => {
    const { source, endpoint } = model
    if (source.scheme === 'oci') {
      return [
        `${source.uri}: needs no companion resources; model-injector render image shows how such an image is built`,
      ]
    }
    if (source.scheme !== 's3') return []
    if (credentials.kind === 'secret') {
      return [
        `${source.uri}: the Secret ${namespace}/${credentials.name} has AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; none is rendered, because keys do not belong in files`,
      ]
    }
    if (credentials.kind === 'anonymous') {
      return [`${source.uri}: is read without credentials, so nothing is rendered for it`]
    }
    return endpoint === undefined
      ? []
      : [`${source.uri}: is at ${endpoint}, which has no IAM; nothing is rendered for it`]
  })
}

/** Objects read in addition to a source: the manifest of a single object is stored next to it. */
export function extraObjectsOf({
  source,
  expect,
}: ModelRequest): readonly { readonly bucket: string; readonly key: string }[] {
  if (source.scheme !== 's3' || source.extent === 'prefix' || expect?.manifest === undefined) return []
  return [
    { bucket: source.bucket, key: `${source.key.slice(0, source.key.lastIndexOf('/') + 1)}${expect.manifest.key}` },
  ]
}
