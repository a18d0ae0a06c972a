/**
 * The fields of a pod that are ours, as far as they decide which model the app sees: what a digest is made over and what an
 * audit compares. Flat, each under its path. Fields that the API server fills in, that other webhooks may add (mounts,
 * environment, resources) or rewrite (images) are not among them, nor is any order.
 */
import { createHash } from 'node:crypto'
import { parseBytes } from '../../values/quantity.ts'
import { loaderRoot } from '../../pod/injected-names.ts'
import { allByName, findByName, firstBy } from '../../pod/lookup.ts'
import {
  initContainersOf,
  volumesOf,
  type Container,
  type EnvVar,
  type Pod,
  type Volume,
  type VolumeMount,
} from '../../pod/pod.ts'
import type { ModelStatus, Status } from '../status.ts'

/** Each part by the path of its object, as `spec.volumes[model-data]`; one that is gone has no fields. */
export type OwnedFields = Readonly<Record<string, PartFields>>

/** A field that is undefined is not in the pod. */
export type PartFields = Readonly<Record<string, string | undefined>>

export function ownedFields(pod: Pod, status: Omit<Status, 'digests'>): OwnedFields {
  const loaders = status.models.flatMap(({ loader }) => loader ?? [])
  return {
    ...Object.fromEntries(
      loaders.map((name) => [`spec.initContainers[${name}]`, loaderFields(findByName(initContainersOf(pod), name))]),
    ),
    ...targetFields(pod, status),
    ...Object.fromEntries(
      status.added.volumes.map((name) => [`spec.volumes[${name}]`, volumeFields(findByName(volumesOf(pod), name))]),
    ),
    ...(status.replaced.serviceAccountName !== undefined && {
      'spec.serviceAccountName': { '': pod.spec.serviceAccountName ?? undefined },
    }),
  }
}

/** Mounts of others in a loader are theirs; `/tmp` is ours, too, but no file in it decides which model the app sees. */
function loaderFields(loader: Container | undefined): PartFields {
  if (loader === undefined) return {}
  const own = (loader.env ?? []).filter(({ name }) => name.startsWith('MODEL_'))
  return {
    command: commandText(loader.command),
    args: commandText(loader.args),
    ...Object.fromEntries(own.map((variable) => [`env[${variable.name}]`, envText(variable)])),
    ...mountField(loader, loaderRoot),
  }
}

/** A container that gets several models has the fields of all of them. */
function targetFields(pod: Pod, { models }: Pick<Status, 'models'>): OwnedFields {
  const fields = new Map<string, Record<string, string | undefined>>()
  for (const model of models) {
    const envAdded = new Set(model.envAdded)
    for (const name of new Set(model.containers)) {
      const { part, container } = findTarget(pod, name)
      const known = fields.get(part) ?? {}
      fields.set(part, known)
      Object.assign(known, mountField(container, model.mountPath), envAdded.has(name) && envField(container, model))
    }
  }
  return Object.fromEntries(fields)
}

function findTarget(pod: Pod, name: string): { readonly part: string; readonly container: Container | undefined } {
  const app = findByName(pod.spec.containers, name)
  return app === undefined
    ? { part: `spec.initContainers[${name}]`, container: findByName(initContainersOf(pod), name) }
    : { part: `spec.containers[${name}]`, container: app }
}

/** Only of a container that did not have the variable already. */
function envField(container: Container | undefined, { env }: ModelStatus): PartFields {
  return env === undefined ? {} : { [`env[${env}]`]: allByName(container?.env, env).map(envText).at(-1) }
}

const findByPath = firstBy<VolumeMount>(({ mountPath }) => mountPath)

function mountField(container: Container | undefined, path: string): PartFields {
  const mount = findByPath(container?.volumeMounts, path)
  return { [`volumeMounts[${path}]`]: mount === undefined ? undefined : mountText(mount) }
}

function mountText({ name, subPath, subPathExpr, readOnly }: VolumeMount): string {
  return JSON.stringify({
    name,
    ...(subPath && { subPath }),
    ...(typeof subPathExpr === 'string' && subPathExpr !== '' && { subPathExpr }),
    ...(readOnly === true && { readOnly }),
  })
}

function envText({ value, valueFrom }: EnvVar): string {
  return valueFrom === undefined || valueFrom === null ? (value ?? '') : canonicalJSON(valueFrom)
}

/** A command may be a script, too long to be read as evidence. */
const longestCommand = 1000

function commandText(words: readonly string[] | null | undefined): string {
  const text = JSON.stringify(words ?? [])
  return text.length <= longestCommand ? text : `sha256:${sha256(text)} (${text.length} characters)`
}

function volumeFields(volume: Volume | undefined): PartFields {
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

/** Keys sorted; without the expiry of tokens, which webhooks draw. */
function canonicalJSON(value: unknown): string {
  return JSON.stringify(value, (key, item: unknown) => {
    if (key === 'expirationSeconds') return undefined
    return typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item
  })
}

function sha256(words: string): string {
  return createHash('sha256').update(words).digest('hex')
}
