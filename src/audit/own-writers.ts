/**
 * Tells programs of ours that write to the storage of models by design, and never change a model that is there: loaders and
 * publishers. Each is believed only where the pod shows that it runs ours.
 */
import { placeholderImage } from '../config/loader-image.ts'
import type { Config } from '../config/config.ts'
import { isOurLoader } from '../inject/ownership/own-loaders.ts'
import { protectedPaths } from '../inject/ownership/loader-mounts.ts'
import type { Container } from '../pod/pod.ts'
import { relateImages } from '../values/image.ts'
import { cleanPath, isSameOrBelow } from '../values/path.ts'
import type { Judged } from './judgement.ts'
import type { PlacedContainer } from './placed-containers.ts'

/**
 * `judgements` are those of the loader's pod, which was compared with today's plan: a loader that was changed may write
 * anything.
 */
export function isIntactLoader({ list, container, path }: PlacedContainer, judgements: readonly Judged[]): boolean {
  return (
    list === 'initContainers' &&
    isOurLoader(container) &&
    !judgements.some(
      ({ judgement, evidence }) =>
        judgement === 'tampered' && evidence.some(({ field }) => field === path || field.startsWith(`${path}.`)),
    )
  )
}

/** With any other field, as a probe or a hook, something else could run beside the program. */
const publisherFields = new Set([
  'name',
  'image',
  'imagePullPolicy',
  'args',
  'env',
  'envFrom',
  'ports',
  'resizePolicy',
  'resources',
  'securityContext',
  'terminationMessagePath',
  'terminationMessagePolicy',
  'volumeMounts',
  'workingDir',
])

/** `publish` adds versions, `publish prune` removes those that no pod mounts. Variables cannot steer the image's start. */
export function isPublisher(container: Container, config: Config): boolean {
  return (
    container.args?.[0] === 'publish' &&
    isOfOperator(container.image, config) &&
    Object.keys(container).every((field) => publisherFields.has(field)) &&
    !(container.volumeMounts ?? []).some(({ mountPath }) => isOverProgram(cleanPath(mountPath)))
  )
}

/** A name and a tag prove nothing in another registry; a digest does everywhere. */
function isOfOperator(found: string | null | undefined, { defaults: { image }, ownership }: Config): boolean {
  if (image === undefined || image === placeholderImage) return false
  const relation = relateImages(found, image, ownership.imageMirrors)
  return relation === 'equal' || relation === 'otherVersion' || (relation === 'mirrored' && image.includes('@sha256:'))
}

function isOverProgram(place: string): boolean {
  return protectedPaths.some((path) => isSameOrBelow(place, path) || isSameOrBelow(path, place))
}
