/** The image of loaders: one that nodes can pull, the one that the webhook runs itself, and pinned. */
import { valueOf } from '../../diagnosis/lookup.ts'
import { error, ok, unchecked, warning } from '../installation-findings.ts'
import type { Deployment } from '../../cluster/objects.ts'
import { loaderImageVariable, placeholderImage } from '../../config/loader-image.ts'
import type { Finding } from '../../diagnosis/finding.ts'
import { webhookContainer } from '../mounted-file.ts'
import { statedLoaderImage } from '../stated-loader-image.ts'
import type { Survey } from '../survey.ts'

export function checkLoaderImage({ configuration, deployment }: Survey): Finding {
  if (configuration.state === 'unknown') return unchecked('loader-image', configuration.why)
  const result = valueOf(configuration)?.result
  if (result?.ok !== true) {
    return unchecked('loader-image', `the configuration is not ${result === undefined ? 'there' : 'valid'}`)
  }
  return checkOwnLoader(result.config.defaults.image ?? '', valueOf(deployment))
}

const asTheWebhook = `set ${loaderImageVariable} of the webhook's Deployment to the webhook's own image: in Helm \`image.*\` sets both, and for Kustomize deploy/kustomization.yaml has \`images\` reach both`

function checkOwnLoader(image: string, deployment: Deployment | undefined): Finding {
  const webhook = deployment && webhookContainer(deployment.spec.template.spec)
  const own = webhook?.image ?? image
  if (image === placeholderImage) {
    const instead = own === image ? '' : `; the webhook itself runs ${own}`
    return error('loader-image', `loaders run ${image}, which no registry has${instead}`, asTheWebhook)
  }
  const stated = valueOf(statedLoaderImage(webhook))
  if (stated?.ok !== true || stated.value !== image) return checkPinned(image, 'defaults.image')
  return isSameImage(image, own)
    ? checkPinned(image, loaderImageVariable)
    : warning('loader-image', `loaders run ${image}, and the webhook itself ${own}`, asTheWebhook)
}

/** A digest says what an image is, whatever registry it comes from. */
function isSameImage(one: string, other: string): boolean {
  const [first, second] = [one, other].map((image) => image.split('@')[1])
  return first === undefined && second === undefined ? one === other : first === second
}

function checkPinned(image: string, key: string): Finding {
  return image.includes('@sha256:')
    ? ok('loader-image', image)
    : warning('loader-image', `${image} is not pinned by digest`, `set ${key} to NAME@sha256:DIGEST`)
}
