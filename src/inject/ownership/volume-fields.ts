/** The fields of a volume that say which files are in it. */
import { parseBytes } from '../../values/quantity.ts'
import type { Volume } from '../../pod/pod.ts'
import { canonicalJSON } from './part-text.ts'

/** A field that is undefined is not in the pod. */
export type PartFields = Readonly<Record<string, string | undefined>>

export function volumeFields(volume: Volume | undefined): PartFields {
  if (volume === undefined) return {}
  return Object.fromEntries(
    Object.entries(volume).flatMap(([kind, source]) =>
      kind === 'name' || source === null || source === undefined
        ? []
        : Object.entries(sourceFields(kind, source as Source)).map(([field, value]) => [`${kind}${field}`, value]),
    ),
  )
}

type Source = Readonly<Record<string, unknown>>

/**
 * The fields that say which files are in the volume. Amounts are compared by what they mean: the API server writes them
 * its own way.
 */
function sourceFields(kind: string, source: Source): PartFields {
  switch (kind) {
    case 'emptyDir':
      return { '': '', '.medium': text(source.medium), '.sizeLimit': amount(source.sizeLimit) }
    case 'persistentVolumeClaim':
      return { '.claimName': text(source.claimName), '.readOnly': source.readOnly === true ? 'true' : undefined }
    case 'hostPath':
      return { '.path': text(source.path), '.type': text(source.type) }
    // A mirror of a registry keeps the digest, and only the digest says what is in it.
    case 'image':
      return { '.reference': text(source.reference)?.replace(/^[^@]*@/, '@') }
    case 'ephemeral':
      return ephemeralFields(source)
    case 'projected':
      return { '.sources': canonicalJSON(source.sources ?? []) }
    default:
      return { '': canonicalJSON(source) }
  }
}

function ephemeralFields({ volumeClaimTemplate }: Source): PartFields {
  const { spec } = (volumeClaimTemplate ?? {}) as {
    spec?: { storageClassName?: unknown; accessModes?: unknown; resources?: { requests?: { storage?: unknown } } }
  }
  return {
    '.storageClassName': text(spec?.storageClassName),
    '.accessModes': canonicalJSON(spec?.accessModes ?? []),
    '.storage': amount(spec?.resources?.requests?.storage),
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function amount(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined
  const written = typeof value === 'string' || typeof value === 'number' ? String(value) : canonicalJSON(value)
  const bytes = parseBytes(written)
  return bytes.ok ? `${bytes.value} bytes` : written
}
