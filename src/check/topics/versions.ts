/** Whether everything that was installed belongs together, and belongs to this command. */
import type { Deployment, KubernetesObject } from '../../cluster/objects.ts'
import { version } from '../../version.ts'
import type { Finding } from '../../diagnosis/finding.ts'
import { error, ok, unchecked, warning } from '../installation-findings.ts'
import { valueOf } from '../../diagnosis/lookup.ts'
import { webhookContainer } from '../mounted-file.ts'
import type { Survey } from '../survey.ts'

export function checkVersions(survey: Survey): readonly Finding[] {
  return [checkSkew(survey), checkLoaderImage(survey)]
}

function checkSkew({ deployment, registration }: Survey): Finding {
  const parts = [
    ...partsOf('Deployment', valueOf(deployment)),
    ...partsOf('webhook configuration', valueOf(registration)),
    ...imageOf(valueOf(deployment)),
  ]
  if (parts.length === 0) return unchecked('version', 'neither labels nor the tag of an image say a version')
  const others = parts.filter(([, other]) => other !== version)
  if (others.length === 0) return ok('version', `${version}, as this command`)
  return warning(
    'version',
    `this command is ${version}, but ${others.map(([part, other]) => `${part} ${other}`).join(', ')}`,
  )
}

type Part = readonly [part: string, version: string]

function partsOf(kind: string, object: KubernetesObject | undefined): readonly Part[] {
  const { 'app.kubernetes.io/version': app, 'helm.sh/chart': chart } = object?.metadata.labels ?? {}
  const chartVersion = /-(\d+\.\d+\.\d+.*)$/.exec(chart ?? '')?.[1]
  return [
    ...(app === undefined ? [] : [[`label of the ${kind}`, app] as const]),
    ...(chartVersion === undefined ? [] : [[`chart of the ${kind}`, chartVersion] as const]),
  ]
}

/** A digest alone says no version; `app:1.2@sha256:…` does. */
function imageOf(deployment: Deployment | undefined): readonly Part[] {
  const image = deployment === undefined ? undefined : webhookContainer(deployment.spec.template.spec)?.image
  const tag = /:([^/:]+)$/.exec(image?.split('@', 1)[0] ?? '')?.[1]
  return tag === undefined ? [] : [['image', tag.replace(/^v(?=\d)/, '')]]
}

function checkLoaderImage({ configuration }: Survey): Finding {
  const result = valueOf(configuration)?.result
  if (configuration.state !== 'found') {
    return unchecked(
      'loader-image',
      configuration.state === 'unknown' ? configuration.why : 'the configuration is not there',
    )
  }
  if (result?.ok !== true) return unchecked('loader-image', 'the configuration is not valid')
  const { image = '', engine } = result.config.defaults
  if (engine === 's5cmd') {
    return checkPinned(result.config.loader.s5cmdImage ?? 'peakcom/s5cmd:v2.3.0', 'loader.s5cmdImage')
  }
  if (image === `model-injector:${version}`) {
    return error(
      'loader-image',
      `defaults.image is not set, so loaders run ${image}, which no registry has`,
      "set defaults.image to where your nodes pull the product's image from, by digest",
    )
  }
  return checkPinned(image, 'defaults.image')
}

function checkPinned(image: string, key: string): Finding {
  return image.includes('@sha256:')
    ? ok('loader-image', image)
    : warning('loader-image', `${image} is not pinned by digest`, `set ${key} to NAME@sha256:DIGEST`)
}
