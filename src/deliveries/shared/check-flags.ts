/** Flags of `check --delivery` that more than one delivery has, and the models that they name. */
import { parseImageDigest } from '../../render/parse-aws-names.ts'
import { parseObjectName } from '../../values/names.ts'
import type { RequestedModel } from './requested-model.ts'

export const claimFlag = {
  term: '--claim <name>',
  description: 'the claim that pods mount (default: what workloads are annotated with)',
  accepted: 'the name of a PersistentVolumeClaim',
  parse: parseObjectName,
} as const

export const ociFlag = {
  term: '--oci <image@digest>',
  description: 'the image of the model; for node, one that nodes have in their store already',
  accepted: 'registry/repository@sha256:HEX',
  parse: parseImageDigest,
} as const

/** The model of an image, named on the command line. */
export function namedImage(reference: string | undefined): readonly RequestedModel[] {
  if (reference === undefined) return []
  return [{ source: { scheme: 'oci', reference, path: undefined, uri: `oci://${reference}` }, consumers: [] }]
}
