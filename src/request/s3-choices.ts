/** Reads and checks annotations of an S3 source that have to fit each other. */
import type { AnnotationName, ValueOf } from '../annotations.ts'
import type { Config } from '../config/config.ts'
import { annotationField } from '../pod/field-path.ts'
import { s3SourceProblem, type Source } from '../values/source.ts'
import { virtualHostProblem } from '../values/s3/virtual-host.ts'
import type { Findings } from './findings.ts'
import { annotationKey } from './keys.ts'
import type { InjectionRequest, ModelRequest } from './model-request.ts'

interface ModelReader {
  /** Undefined where the annotation does not apply, is not set and has no default, or was reported as bad. */
  readonly read: <N extends AnnotationName>(annotation: N) => ValueOf<N> | undefined
  /** True where the pod has the annotation, so that the value is no default. */
  readonly chose: (annotation: AnnotationName) => boolean
}

type Model = Pick<ModelRequest, 'source' | 'suffix'>
type S3Choices = Pick<ModelRequest, 'region' | 'endpoint' | 'addressing' | 'requesterPays'>

/** Reads the annotations about the server of a source. */
export function readS3Choices(
  { read, chose }: ModelReader,
  model: Model,
  config: Config,
  findings: Findings,
): S3Choices {
  const choices = {
    region: read('region'),
    endpoint: read('endpoint'),
    addressing: read('addressing'),
    requesterPays: read('requester-pays') === true,
  }
  checkSource(model, choices, config, findings)
  const problem = addressingProblem(choices, model.source)
  if (problem === undefined) return choices
  if (chose('addressing')) {
    findings.deny({
      reason: 'NotApplicable',
      field: annotationField(annotationKey(config.annotationPrefix, 'addressing', model.suffix)),
      found: choices.addressing ?? '',
      problem,
      remedy: 'set it to path',
    })
  }
  // The operator's default stands only where it can work.
  return { ...choices, addressing: undefined }
}

function checkSource(
  { source, suffix }: Model,
  { endpoint }: S3Choices,
  { annotationPrefix, allowWholeBucket = false }: Config,
  findings: Findings,
): void {
  if (source.scheme !== 's3') return
  const problem = s3SourceProblem(source, { endpoint, allowWholeBucket })
  if (problem === undefined) return
  findings.deny({
    reason: 'InvalidAnnotation',
    field: annotationField(annotationKey(annotationPrefix, 'source', suffix)),
    found: source.uri,
    problem,
  })
}

function addressingProblem({ addressing, endpoint }: S3Choices, source: Source): string | undefined {
  return addressing === 'virtual' && source.scheme === 's3' ? virtualHostProblem(source.bucket, endpoint) : undefined
}

/** Checks choices of single models against those of the whole pod. */
export function checkPodChoices(request: InjectionRequest, config: Config, findings: Findings): void {
  for (const model of request.models) {
    checkPayer(model, request, config, findings)
    checkHost(model, request, config, findings)
  }
}

/** S3 refuses anonymous requests to a Requester Pays bucket: there is no account that could pay. */
function checkPayer(
  { requesterPays, suffix }: ModelRequest,
  { credentials }: InjectionRequest,
  { annotationPrefix }: Config,
  findings: Findings,
): void {
  if (!requesterPays || credentials.kind !== 'anonymous') return
  findings.deny({
    reason: 'NotApplicable',
    field: annotationField(annotationKey(annotationPrefix, 'requester-pays', suffix)),
    found: 'true',
    problem: 'needs credentials, whose account pays; the credentials are anonymous',
    remedy: 'remove it, or choose other credentials',
  })
}

/** s5cmd has no option for it: for AWS alone it puts the bucket into the host name. */
function checkHost(
  { addressing, endpoint, suffix }: ModelRequest,
  { engine }: InjectionRequest,
  { annotationPrefix }: Config,
  findings: Findings,
): void {
  if (addressing !== 'virtual' || endpoint === undefined || engine !== 's5cmd') return
  findings.deny({
    reason: 'NotApplicable',
    field: annotationField(annotationKey(annotationPrefix, 'addressing', suffix)),
    found: addressing,
    problem: 'does not apply to the engine s5cmd, which has the bucket in the path at every endpoint',
    remedy: `set ${annotationKey(annotationPrefix, 'engine')} to native`,
  })
}
