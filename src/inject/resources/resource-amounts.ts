/** Single figures: what a container asks for, what models weigh, and how that is written. */
import type { AnnotationName } from '../../annotations.ts'
import type { Config } from '../../config/config.ts'
import { parseBytes, parseMillicores } from '../../values/quantity.ts'
import { annotationKey } from '../../request/keys.ts'
import { annotationField } from '../../pod/field-path.ts'
import { volumeMediumOf, type VolumeMedium } from '../../request/volume-medium.ts'
import type { Pod, Resources } from '../../pod/pod.ts'
import type { ModelRequest } from '../../request/model-request.ts'

/** The amounts of one resource that a container may use; undefined means that the field stays out. */
export interface Share {
  readonly request: number | undefined
  readonly limit: number | undefined
}

export function amount(
  resources: Resources | null | undefined,
  bound: 'requests' | 'limits',
  name: string,
): number | undefined {
  const value = resources?.[bound]?.[name]
  if (value === undefined) return undefined
  const result = name === 'cpu' ? parseMillicores(String(value)) : parseBytes(String(value))
  return result.ok ? result.value : undefined
}

export function sum<T>(items: readonly T[], valueOf: (item: T) => number | undefined): number {
  return items.reduce((total, item) => total + (valueOf(item) ?? 0), 0)
}

/** The bytes of all models whose size is known on that medium. */
export function sizeOn(models: readonly ModelRequest[], medium: VolumeMedium, pod: Pod): number {
  return sum(models, (model) => (volumeMediumOf(model, pod) === medium ? model.sizeBytes : undefined))
}

export function fieldOf(name: AnnotationName, config: Config, suffix?: string): string {
  return annotationField(annotationKey(config.annotationPrefix, name, suffix))
}
