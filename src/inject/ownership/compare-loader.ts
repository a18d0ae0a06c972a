/** Compares a loader with the planned one: the changes of others by class, and the loader without those that do not stay. */
import { relateImages, type ImageRelation } from '../../values/image.ts'
import { placeholderImage } from '../../config/loader-image.ts'
import type { Container } from '../../pod/pod.ts'
import { replaceFields } from '../../pod/replace-fields.ts'
import { changeOf, type ChangeKind, type ComparedLoader, type PartChange } from './loader-change.ts'
import { compareEnv } from './loader-env.ts'
import { compareFields } from './loader-fields.ts'
import { compareMounts } from './loader-mounts.ts'

export interface ComparedPart<T> {
  /** The part as it should be; the same object where all of it stays. */
  readonly restored: T
  readonly changes: readonly PartChange[]
}

export function compareLoader(loader: ComparedLoader): ComparedPart<Container> {
  const { present } = loader
  const image = compareImage(loader)
  const fields = compareFields(loader)
  const env = compareEnv(loader)
  const mounts = compareMounts(loader)
  const changed: Record<string, unknown> = {
    ...(image !== undefined && image.class !== 'harmless' && { image: loader.planned.image }),
    ...fields.restored,
    ...(env.restored !== undefined && { env: env.restored }),
    ...(mounts.restored !== undefined && { volumeMounts: mounts.restored }),
  }
  return {
    restored: Object.keys(changed).length === 0 ? present : replaceFields(present, changed),
    changes: [...(image === undefined ? [] : [image]), ...fields.changes, ...env.changes, ...mounts.changes].map(
      (change) => ({ ...change, field: `spec.initContainers[${present.name}].${change.field}` }),
    ),
  }
}

/**
 * The image is the operator's, or what the pod chose; copies, restores and upgrades carry another, which is not denied but replaced. A
 * configuration that names no image (the command line's own) is no basis to replace one.
 */
function compareImage({ present, planned, config }: ComparedLoader): PartChange | undefined {
  const { image } = planned
  if (!image || image === placeholderImage) return undefined
  const relation = relateImages(present.image, image, config.ownership.imageMirrors)
  return relation === 'equal'
    ? undefined
    : changeOf(imageChanges[relation], 'image', { expected: image, found: present.image ?? undefined })
}

const imageChanges: Readonly<Record<Exclude<ImageRelation, 'equal'>, Pick<ChangeKind, 'class' | 'configurable'>>> = {
  mirrored: { class: 'harmless' },
  otherVersion: { class: 'steering', configurable: true },
  other: { class: 'steering' },
}
