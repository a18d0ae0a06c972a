/** The image in which publisher and loader run: that of the flag, else that which the operator's configuration has pinned. */
import type { Config } from '../config/config.ts'
import { placeholderImage } from '../config/loader-image.ts'

/** Without either there is only the name of an image that nobody's registry has. */
export function imageProblems(image: string | undefined, { defaults }: Config): readonly string[] {
  if (image !== undefined || defaults.image !== placeholderImage) return []
  return [
    '--image <image> is required, or a --config that sets defaults.image; accepted: an image, best with its digest',
  ]
}

export function productImage(image: string | undefined, { defaults }: Config): string {
  return image ?? defaults.image ?? ''
}
