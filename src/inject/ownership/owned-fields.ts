/**
 * The fields of a pod that are ours, as far as they decide which model the app sees: what a digest is made over and what an
 * audit compares. Flat, each under its path. Fields that the API server fills in, that other webhooks may add (mounts,
 * environment, resources) or rewrite (images) are not among them, nor is any order.
 */
import { loaderRoot } from '../../pod/injected-names.ts'
import { allByName, findByName, firstBy } from '../../pod/lookup.ts'
import { initContainersOf, volumesOf, type Container, type Pod, type VolumeMount } from '../../pod/pod.ts'
import type { ModelStatus, Status } from '../status.ts'
import { commandText, envText, mountText } from './part-text.ts'
import { volumeFields, type PartFields } from './volume-fields.ts'

/** Each part by the path of its object, as `spec.volumes[model-data]`; one that is gone has no fields. */
export type OwnedFields = Readonly<Record<string, PartFields>>

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
  const fields: Record<string, string | undefined> = {
    command: commandText(loader.command),
    args: commandText(loader.args),
  }
  for (const variable of loader.env ?? []) {
    if (variable.name.startsWith('MODEL_')) fields[`env[${variable.name}]`] = envText(variable)
  }
  return Object.assign(fields, mountField(loader, loaderRoot))
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
