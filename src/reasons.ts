/**
 * All reasons of the product in one closed table. Responses, log lines, metric labels, the command line and the docs use these
 * words and no others. Append only: a released word keeps its meaning for ever.
 *
 * Three words are never mixed: a pod is *skipped* (allowed, untouched), *denied* (the user can fix it), or the webhook
 * *failed* (a bug of ours).
 */
import { printable, quote } from './values/print/printable.ts'

export const skipReasons = {
  NotAnnotated: 'the pod has no annotation of ours that asks for a model',
  OptedOut: 'the pod says inject: "false"',
  AlreadyInjected: 'the pod carries all its parts already',
  MirrorPod: 'the pod mirrors a static pod of a node, which the API server cannot change',
  NotPodCreation: 'the request is not the creation of a pod',
} as const

export const injectReasons = {
  Injected: 'the parts that deliver the model were added',
  Healed: 'parts that others had changed, or that another configuration had made, were put back',
  MovedForMesh: 'the loader was fitted to a service mesh that came after it',
} as const

export const denyReasons = {
  InvalidPod: 'the pod itself is malformed',
  UnsupportedOS: 'models are delivered to Linux pods only',
  UnknownAnnotation: 'an annotation below our prefix is not known',
  InvalidAnnotation: 'an annotation has a value that is not accepted',
  MissingSource: 'injection is requested, but there is no source',
  OrphanAnnotation: 'an annotation belongs to a model that has no source',
  NotApplicable: 'an annotation does not apply to the way this model is delivered',
  DeliveryNotAvailable: 'models cannot be delivered from that kind of source on this cluster',
  NotAllowed: "the operator's policy does not allow it",
  NoTargetContainer: 'no container of the pod would get the model',
  UnknownContainer: 'a container is named that the pod does not have, or that starts before the loader',
  MountConflict: 'something is mounted at, above or below the path of the model',
  EnvConflict: 'the environment variable has another value already',
  NameTaken: 'an object that is not ours has one of our names',
  SizeRequired: 'the size of the model has to be known here',
  VolumeNotUsable: 'the named volume cannot hold a model',
  FsGroupRequired: 'the pod needs an fsGroup of its own choice',
  NotWritable: 'the app could not write to the model although it asked to',
  ResourcesTooSmall: "the loader does not fit into the pod's resources",
  NodeConflict: 'the pod asks for nodes that do not have the model',
  LimitExceeded: 'the pod asks for more than one pod may, and nothing else of it is reported',
} as const

/** Bugs of ours: the webhook gave no answer, so its failurePolicy decided. */
export const failReasons = {
  InternalError: 'the webhook has a bug; its log has the stack',
} as const

export const warnReasons = {
  NoExpectation: 'without expect, a model that is still being uploaded looks complete',
  NoSize: 'without size, the scheduler does not know how much disk the model needs',
  UnlikelyValue: 'a value is accepted, and hardly what was meant',
  ServiceAccountReplaced: 'the service account of the pod was replaced',
  StatusWithoutParts: 'the status annotation describes parts that the pod does not have; it was ignored',
  StatusOutdated: 'the pod carried parts for other annotations; they were replaced',
  UnknownAnnotationIgnored: 'an unknown annotation was ignored, as the operator configured',
  FsGroupAdded: 'an fsGroup was added so that the loader can write to the volume',
  WriterUnknown: 'the user of the app is not known here, so its write access cannot be checked',
  PlaintextEndpoint: 'the endpoint is http://, so the model travels unprotected',
  NoNetworkBeforeMesh: 'the loader runs where a service mesh has cut the network off',
  MeshInterception: 'a service mesh takes the traffic of the loader, which may not reach S3 or its credentials',
  CredentialsShared: 'other containers have the credentials as well, although only the loader should',
  PathMayChange: 'the path ends in current, so a restarted container may see another version than its neighbours',
  NoPodIdentityOnFargate: 'the pod runs on Fargate, which has no agent of EKS Pod Identity',
  EmptyUnderKata: 'the app may find an empty directory: Kata mounts no subPath of an emptyDir that a loader has filled',
  PullSecretsNotAdded: 'the pull secrets of the service account are not used, since the pod has a list of its own',
  NodeNameSet: 'the pod names its node, which refuses the pod if it does not have the model',
  DaemonSetPending: 'pods of a DaemonSet stay Pending on nodes that do not have the model',
  SteeringChange:
    'something decides which model a loader loads, or how, and is not as planned; it was put back or taken out',
  UnknownChange: 'something is in a loader that is neither planned nor known to be harmless; it was taken out',
  PolicyWouldDeny:
    "the operator's policy is in audit mode in this namespace, and would deny the pod once it is enforced",
} as const

export type SkipReason = keyof typeof skipReasons
export type InjectReason = keyof typeof injectReasons
export type DenyReason = keyof typeof denyReasons
export type FailReason = keyof typeof failReasons
export type WarnReason = keyof typeof warnReasons
export type Reason = SkipReason | InjectReason | DenyReason

/** One mistake of the user: its place, the value found, the accepted values, and the remedy. */
export interface Diagnostic {
  readonly reason: DenyReason
  /** A field path of the pod, as `metadata.annotations[models.example.io/size]`. */
  readonly field: string
  readonly found?: string
  readonly problem: string
  readonly accepted?: string
  readonly remedy?: string
}

/** Numbers of mistakes by kind that were found but not described. */
export type Omitted = Readonly<Partial<Record<DenyReason, number>>>

export interface Warning {
  readonly reason: WarnReason
  /** A field path of the pod, as that of a diagnostic; undefined where the pod as a whole is meant. */
  readonly field?: string
  readonly message: string
}

/** Formats one line that is safe to print: user values are quoted as JSON and cut. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { field, found, problem, accepted, remedy } = diagnostic
  const value = found === undefined ? '' : ` ${quote(found)}`
  const hints = [accepted === undefined ? [] : `accepted: ${accepted}`, remedy ?? []].flat()
  return printable(`${field}:${value} ${[problem, ...hints].join('; ')}`)
}

/** Formats the last line of a denial with more mistakes than are described. */
export function formatOmitted(omitted: Omitted): string[] {
  const kinds = Object.entries(omitted).map(([reason, count]) => `${count} ${reason}`)
  return kinds.length === 0 ? [] : [`and ${countOmitted(omitted)} more, not described: ${kinds.join(', ')}`]
}

/** Reports tell the refusals of the policy from all other mistakes. */
export function splitOmitted({ NotAllowed, ...others }: Omitted): {
  readonly refused: Omitted
  readonly others: Omitted
} {
  return { refused: NotAllowed === undefined ? {} : { NotAllowed }, others }
}

export function countOmitted(omitted: Omitted): number {
  return Object.values(omitted).reduce((sum, count) => sum + count, 0)
}
