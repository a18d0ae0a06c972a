/** Splits a source into family and version: sources of one family are versions of one model. */

export interface VersionedSource {
  readonly family: string
  /** Undefined where the source shows none. */
  readonly version?: string
}

/** Real URIs are far shorter. The limit bounds the time of the regular expressions on hostile input. */
const longestSource = 2048

/** `v3`, `1.2.3-rc.1`, `2024-06-01`: a segment that is nothing but a version. */
const versionSegment = /^v?\d[\w.+-]*$/

/** `my-model-1.2.3`, `my-model_v3`, `my-model-1.2.3.gguf`; the 7b of `my-model-7b` is its size. */
const versionedName = /^(.+?)[-_@](v\d+(?:\.\d+)*|\d+(?:\.\d+)+)((?:[-+](?:rc|alpha|beta|dev)[\w.]*)?)(\.[a-z]\w*)?$/i

const ociSource = /^(oci:\/\/[^@]+)@sha256:([0-9a-f]{12})[0-9a-f]*(#.*)?$/

export function splitVersion(source: string): VersionedSource {
  if (source.length > longestSource) return { family: source }
  const [, image, digest, path = ''] = ociSource.exec(source) ?? []
  if (image !== undefined && digest !== undefined) return { family: image + path, version: digest }
  return splitPath(source)
}

function splitPath(source: string): VersionedSource {
  const trimmed = source.replace(/\/+$/, '')
  const at = trimmed.lastIndexOf('/')
  const [parent, name] = [trimmed.slice(0, at + 1), trimmed.slice(at + 1)]
  const hasParent = /^\w+:\/\/.+\/$/.test(parent)
  if (hasParent && versionSegment.test(name)) return { family: parent.replace(/\/$/, ''), version: name }
  const [, stem, number, stage = '', extension = ''] = versionedName.exec(name) ?? []
  if (stem === undefined || number === undefined || !hasParent) return { family: trimmed }
  return { family: `${parent}${stem}${extension}`, version: number + stage }
}
