/** Checks that all installed parts are of one version, the same as this command's. */
import type { Deployment, KubernetesObject } from '../../cluster/objects.ts'
import { version } from '../../version.ts'
import type { Finding } from '../../diagnosis/finding.ts'
import { ok, unchecked, warning } from '../installation-findings.ts'
import { valueOf } from '../../diagnosis/lookup.ts'
import { webhookContainer } from '../mounted-file.ts'
import type { Survey } from '../survey.ts'
import { checkLoaderImage } from './loader-image.ts'

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

/** A digest alone has no version; `app:1.2@sha256:…` does. */
function imageOf(deployment: Deployment | undefined): readonly Part[] {
  const image = deployment === undefined ? undefined : webhookContainer(deployment.spec.template.spec)?.image
  const tag = /:([^/:]+)$/.exec(image?.split('@', 1)[0] ?? '')?.[1]
  return tag === undefined ? [] : [['image', tag.replace(/^v(?=\d)/, '')]]
}
