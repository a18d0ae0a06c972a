/** Parses the `volume` annotation: the storage of a downloaded model. */
import { labelExpression, objectNameExpression, parseLabelName, parseObjectName } from './names.ts'
import { parsed, unreadable, type Parsed } from './parsed.ts'
import type { ValueForm, ValueKind } from './value-form.ts'

export type VolumeChoice =
  | { readonly kind: 'disk' }
  | { readonly kind: 'memory' }
  | { readonly kind: 'ephemeral'; readonly storageClass: string }
  | { readonly kind: 'existing'; readonly volume: string }

/** Treatment of a model that is found on a volume which may outlive the pod: compared with S3, or believed. */
export const reuses = ['verify', 'trust-own'] as const
export type Reuse = (typeof reuses)[number]

export const volumeForms = 'disk, memory, ephemeral/STORAGECLASS, existing/VOLUME'

const volumeForm: ValueForm = {
  accepted: 'disk, memory, ephemeral/CLASS, existing/VOLUME',
  expression: `disk|memory|ephemeral/${objectNameExpression}|existing/${labelExpression}`,
  refused: '/.{254}',
}

export function parseVolumeChoice(text: string): Parsed<VolumeChoice> {
  if (text === 'disk' || text === 'memory') return parsed({ kind: text })
  const slash = text.indexOf('/')
  const kind = text.slice(0, Math.max(slash, 0))
  const name = text.slice(slash + 1)
  if (kind === 'ephemeral') {
    const storageClass = parseObjectName(name)
    return storageClass.ok ? parsed({ kind, storageClass: name }) : unreadable('needs the name of a storage class')
  }
  if (kind === 'existing') {
    const volume = parseLabelName(name)
    return volume.ok ? parsed({ kind, volume: name }) : unreadable('needs the name of a volume of the pod')
  }
  return unreadable('is none of the accepted forms')
}

export const volumeValue: ValueKind<VolumeChoice> = { parse: parseVolumeChoice, form: volumeForm }
