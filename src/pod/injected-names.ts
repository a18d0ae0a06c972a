/** The names of what is added to a pod. They are fixed, so that policies can check them from the annotations alone. */
import { findByName } from './lookup.ts'
import type { Container } from './pod.ts'

export const tmpVolume = 'model-tmp'

/** The mount path of the whole volume in the loader. App containers see one directory of it. */
export const loaderRoot = '/model'

export const loaderName = 'model-loader'

export const dataName = 'model-data'

export function loaderContainerName(suffix: string | undefined): string {
  return suffix === undefined ? loaderName : `${loaderName}-${suffix}`
}

export function dataVolumeName(suffix: string | undefined): string {
  return suffix === undefined ? dataName : `${dataName}-${suffix}`
}

/** Users may have containers and volumes that only begin like ours. */
export function isLoaderName(name: string): boolean {
  return name === loaderName || name.startsWith(`${loaderName}-`)
}

export function envValue(container: Container, name: string): string | undefined {
  return findByName(container.env, name)?.value
}
