/** The image of publisher and loader: the flag's, else the one in the operator's configuration. */
import type { Config } from '../config/config.ts'
import { placeholderImage } from '../config/loader-image.ts'

/** Without either, the default image has no registry and could not be pulled. */
export function imageProblems(image: string | undefined, { defaults }: Config): readonly string[] {
  if (image !== undefined || defaults.image !== placeholderImage) return []
  return [
    '--image <image> is required, or a --config that sets defaults.image; accepted: an image, best with its digest',
  ]
}

export function productImage(image: string | undefined, { defaults }: Config): string {
  return image ?? defaults.image ?? ''
}
