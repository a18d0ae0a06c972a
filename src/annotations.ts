/**
 * Every annotation that users can write, in one table: its parser, scope, default and description. The parser of pods, the
 * operator's defaults, `model-injector explain`, the reference page and the policies of the chart are made from it.
 */
import { annotation, lengths, type AnnotationRow } from './values/annotation-row.ts'
import { credentialsForms, credentialsValue } from './values/credentials.ts'
import { durationValue } from './values/duration.ts'
import { addressings, endpointForms, endpointValue, regionValue } from './values/s3/endpoint.ts'
import { engines, loaderMemoryValue } from './values/engine.ts'
import { expectationForms, expectationValue } from './values/expectation.ts'
import { booleanValue, containersValue, keyPatternsValue, runAsUserValue, wordValue } from './values/forms.ts'
import { envNameValue, imageValue, objectNameValue } from './values/names.ts'
import { mountPathValue } from './values/path.ts'
import { bytesValue, millicoresValue } from './values/quantity.ts'
import { deliveriesOfScheme, sourceForms, sourceValue, type Delivery } from './values/source.ts'
import { volumeForms, volumeValue } from './values/volume.ts'

/** The prefix of every annotation, label and node label, unless the operator's configuration has another. */
export const defaultPrefix = 'models.example.io/'

const initOrders = ['auto', 'first', 'last'] as const
const credentialsScopes = ['pod', 'loader'] as const

export type InitOrder = (typeof initOrders)[number]

const downloads = ['download'] as const
const fromS3 = deliveriesOfScheme.s3

export const annotations = {
  inject: annotation(lengths.word, {
    scope: 'pod',
    operator: false,
    accepted: '"true", "false"',
    default: 'true if a source is present',
    example: '"false"',
    description: '"false" always wins and leaves the pod alone; "true" without a source is denied',
    ...booleanValue,
  }),
  source: annotation(lengths.location, {
    scope: 'model',
    operator: false,
    accepted: sourceForms,
    default: 'required',
    example: 's3://models/llama/1.2.3/',
    description:
      'location of the model; a prefix means all objects below it, a key exactly that object; a path, the directory of the volume',
    ...sourceValue,
  }),
  delivery: annotation(lengths.word, {
    scope: 'model',
    operator: true,
    accepted: deliveriesOfScheme.s3.join(', '),
    default: { value: 'download' },
    example: 'download',
    description: 'way of an s3:// source into the pod',
    appliesTo: fromS3,
    ...wordValue(deliveriesOfScheme.s3),
  }),
  claim: annotation(lengths.name, {
    scope: 'model',
    operator: false,
    accepted: 'the name of a PersistentVolumeClaim',
    default: 'mp-<id>, as model-injector render mountpoint prints it',
    example: 'llama-claim',
    description: 'claim of a mountpoint delivery',
    appliesTo: ['mountpoint'],
    ...objectNameValue,
  }),
  'mount-path': annotation(lengths.path, {
    scope: 'model',
    operator: true,
    accepted: 'an absolute path without "..", ":", and outside /proc, /sys, /dev and the token directories',
    default: { value: '/models/NAME' },
    example: '/app/model-artifacts',
    description: 'directory in the containers with the files below the source',
    ...mountPathValue,
  }),
  containers: annotation(lengths.names, {
    scope: 'model',
    operator: false,
    accepted: 'comma list of container names, or * for all app containers',
    default: 'all app containers but known sidecars',
    example: 'app,worker',
    description: 'containers that get the model; an init container may be named if it starts after the loader',
    ...containersValue,
  }),
  'read-only': annotation(lengths.word, {
    scope: 'model',
    operator: true,
    accepted: '"true", "false"',
    default: { value: 'true' },
    example: '"false"',
    description: 'the app can only read the model; "false" for a download alone, all else is mounted read-only',
    ...booleanValue,
  }),
  size: annotation(lengths.word, {
    scope: 'model',
    operator: false,
    accepted: 'a Kubernetes quantity, as 20Gi',
    default: 'none; a warning says what that risks',
    example: '20Gi',
    description: 'size of the model, for the scheduler and the volume; required for memory and ephemeral/ volumes',
    appliesTo: downloads,
    ...bytesValue,
  }),
  volume: annotation(lengths.kindAndName, {
    scope: 'model',
    operator: true,
    accepted: volumeForms,
    default: { value: 'disk' },
    example: 'memory',
    description: 'storage of a download: an emptyDir on disk or in memory, a new claim, or a volume of the pod',
    appliesTo: downloads,
    ...volumeValue,
  }),
  include: annotation(lengths.patterns, {
    scope: 'model',
    operator: false,
    accepted: 'comma list of patterns on the key below the source, with * (crosses /) and ?',
    default: 'everything',
    example: '"*.safetensors,*.json"',
    description: 'only objects that match one of these',
    appliesTo: downloads,
    ...keyPatternsValue,
  }),
  exclude: annotation(lengths.patterns, {
    scope: 'model',
    operator: false,
    accepted: 'comma list of patterns as for include',
    default: 'nothing',
    example: 'original/*',
    description: 'no objects that match one of these, even if included',
    appliesTo: downloads,
    ...keyPatternsValue,
  }),
  expect: annotation(lengths.location, {
    scope: 'model',
    operator: false,
    accepted: expectationForms,
    default: 'the objects of the listing, with a warning',
    example: 'objects=12',
    description: 'contents that the model must have, or the app does not start; claims and nodes are checked, too',
    appliesTo: ['download', 'claim', 'node'],
    ...expectationValue,
  }),
  env: annotation(lengths.name, {
    scope: 'model',
    operator: false,
    accepted: 'the name of an environment variable',
    default: 'none',
    example: 'MODEL_PATH',
    description: 'variable that gets the mount path in the containers',
    ...envNameValue,
  }),
  region: annotation(lengths.word, {
    scope: 'model',
    operator: true,
    accepted: 'a region name',
    default: 'the one of the identity webhook',
    example: 'eu-west-1',
    description: "the bucket's region",
    appliesTo: fromS3,
    ...regionValue,
  }),
  endpoint: annotation(lengths.location, {
    scope: 'model',
    operator: true,
    accepted: endpointForms,
    default: 'AWS',
    example: 'https://s3.example.com',
    description: 'an S3-compatible server; the path is that of its S3 interface, not the bucket',
    appliesTo: downloads,
    ...endpointValue,
  }),
  addressing: annotation(lengths.word, {
    scope: 'model',
    operator: true,
    accepted: addressings.join(', '),
    default: 'path at an endpoint and for a bucket with a dot in its name, else virtual',
    example: 'virtual',
    description: 'place of the bucket in requests: in the path, or in the host name, as some servers require',
    appliesTo: downloads,
    ...wordValue(addressings),
  }),
  'requester-pays': annotation(lengths.word, {
    scope: 'model',
    operator: false,
    accepted: '"true", "false"',
    default: '"false"',
    example: '"true"',
    description:
      "the account of the loader's credentials pays for reading the bucket, as Requester Pays buckets require",
    appliesTo: downloads,
    ...booleanValue,
  }),
  'service-account': annotation(lengths.name, {
    scope: 'pod',
    operator: false,
    accepted: 'the name of a ServiceAccount',
    default: "the pod's own",
    example: 'model-reader',
    description: 'service account that may read the bucket, set on the pod',
    ...objectNameValue,
  }),
  credentials: annotation(lengths.kindAndName, {
    scope: 'pod',
    operator: true,
    accepted: credentialsForms,
    default: { value: 'pod-identity' },
    example: 'secret/s3-keys',
    description:
      'identity of the loader; a Secret has AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and perhaps AWS_SESSION_TOKEN',
    ...credentialsValue,
  }),
  'credentials-scope': annotation(lengths.word, {
    scope: 'pod',
    operator: true,
    accepted: credentialsScopes.join(', '),
    default: { value: 'pod' },
    example: 'loader',
    description: 'loader: the identity webhook of EKS gives the app containers no credentials',
    ...wordValue(credentialsScopes),
  }),
  'init-order': annotation(lengths.word, {
    scope: 'pod',
    operator: true,
    accepted: initOrders.join(', '),
    default: { value: 'auto', note: 'knows service meshes' },
    example: 'last',
    description: 'place of the loader among the init containers',
    ...wordValue(initOrders),
  }),
  'run-as-user': annotation(lengths.word, {
    scope: 'pod',
    operator: true,
    accepted: 'a user id of at least 1, or auto',
    default: { value: 'auto' },
    example: '"1000"',
    description: "user of the loader; auto is the containers' common user if that is known and not root, else 65532",
    ...runAsUserValue,
  }),
  cpu: annotation(lengths.word, {
    scope: 'pod',
    operator: true,
    accepted: 'a Kubernetes quantity, as 500m',
    default: { value: '2', note: 'at most what the app has' },
    example: '"4"',
    description: 'cpu of the loader',
    ...millicoresValue,
  }),
  memory: annotation(lengths.word, {
    scope: 'pod',
    operator: true,
    accepted: 'a Kubernetes quantity of at least 192Mi, with the engine s5cmd 256Mi',
    default: { value: '512Mi', note: 'at most what the app has' },
    example: '1Gi',
    description: 'memory of the loader',
    ...loaderMemoryValue,
  }),
  timeout: annotation(lengths.word, {
    scope: 'pod',
    operator: true,
    accepted: 'a duration, as 90s, 30m, 2h',
    default: { value: '2h' },
    example: '30m',
    description: 'time after which the loader gives up',
    ...durationValue,
  }),
  'stall-timeout': annotation(lengths.word, {
    scope: 'pod',
    operator: true,
    accepted: 'a duration, as 90s, 30m, 2h',
    default: { value: '2m' },
    example: '30s',
    description: 'time without a byte after which the loader gives up',
    ...durationValue,
  }),
  engine: annotation(lengths.word, {
    scope: 'pod',
    operator: true,
    accepted: engines.join(', '),
    default: { value: 'native' },
    example: 'native',
    description:
      'program that moves the bytes of downloads: the loader itself, or s5cmd, which the loader runs; all else is the same',
    ...wordValue(engines),
  }),
  image: annotation(lengths.image, {
    scope: 'pod',
    operator: true,
    accepted: "an image that the operator's policy lists",
    default: "the operator's, pinned by digest",
    example: 'example/model-injector@sha256:…',
    description: 'image of the loader',
    ...imageValue,
  }),
} as const

export type AnnotationName = keyof typeof annotations
export type ValueOf<N extends AnnotationName> = (typeof annotations)[N] extends AnnotationRow<infer T> ? T : never

export const annotationNames = Object.keys(annotations) as AnnotationName[]

/** Annotations and labels that the product writes itself. */
export const statusAnnotation = 'status'
export const injectedLabel = 'injected'

/** False for an annotation without effect on models of that delivery. */
export function appliesTo(name: AnnotationName, delivery: Delivery): boolean {
  const row: AnnotationRow<unknown> = annotations[name]
  return row.appliesTo?.includes(delivery) !== false
}

export function isAnnotationName(text: string): text is AnnotationName {
  return Object.hasOwn(annotations, text)
}
