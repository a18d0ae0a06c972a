/** The plain manifests as users of Kustomize install them: their image has to arrive in the webhook and in its loaders. */
import { execFile } from 'node:child_process'
import { mkdir, realpath, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { stringify } from 'yaml'
import { parseConfig } from '../../src/config/parse-config.ts'
import { loaderImageVariable } from '../../src/config/loader-image.ts'
import type { ApiObject } from '../kit/cluster/api-client.ts'
import { chartDirectory, kubectlBinary, objectOf, parseObjects, valueIn } from '../kit/tools/helm.ts'

t.setTimeout(2 * 60 * 1000)

const overlays = t.testdir({})
const deploy = join(chartDirectory, '..')
const digest = `sha256:${'ab'.repeat(32)}`
const images = [{ name: 'model-injector', newName: 'registry.example.com/model-injector', digest }]
const pinned = `registry.example.com/model-injector@${digest}`

t.test('images of an overlay reach the webhook and its loaders, and change nothing else', async (t) => {
  const objects = await overlay('overlay', { resources: [deploy], images })
  t.strictSame(imagesOf(objects), { webhook: pinned, loader: pinned })
  const [rendered, original] = [objects, await overlay('plain', { resources: [join(deploy, 'manifests.yaml')] })].map(
    (list) => JSON.stringify(list),
  )
  t.equal(rendered?.replaceAll(pinned, 'model-injector:0.1.0'), original)
})

t.test('so do images of an overlay above another', async (t) => {
  await overlay('company', { resources: [deploy], images })
  const team = {
    resources: [join(overlays, 'company')],
    images: [{ name: images[0]?.newName, newName: 'eu.example.com/mi', newTag: '7' }],
  }
  t.strictSame(imagesOf(await overlay('team', team)), {
    webhook: 'eu.example.com/mi:7',
    loader: 'eu.example.com/mi:7',
  })
})

t.test('other variables of the webhook are left alone', async (t) => {
  const env = [
    { name: 'HTTPS_PROXY', value: 'http://proxy.example.com' },
    { name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
  ]
  const patch = { spec: { template: { spec: { containers: [{ name: 'webhook', env }] } } } }
  const metadata = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'model-injector', namespace: 'model-injector' },
  }
  const objects = await overlay('patched', {
    resources: [deploy],
    images,
    patches: [{ patch: stringify({ ...metadata, ...patch }) }],
  })
  t.strictSame(
    envOf(objects).filter(({ name }) => name !== loaderImageVariable),
    env,
  )
  t.equal(imagesOf(objects).loader, pinned)
})

t.test('without the base, the manifests alone keep the old image of the loaders, so that it is needed', async (t) => {
  const objects = await overlay('alone', { resources: [join(deploy, 'manifests.yaml')], images })
  t.strictSame(imagesOf(objects), { webhook: pinned, loader: 'model-injector:0.1.0' })
})

/** Builds it with the Kustomize that is in kubectl, which takes no absolute paths, and no files outside of a directory. */
async function overlay(
  name: string,
  { resources, ...fields }: { readonly resources: readonly string[]; readonly [field: string]: unknown },
): Promise<ApiObject[]> {
  const directory = join(overlays, name)
  await mkdir(directory, { recursive: true })
  const real = await realpath(directory)
  await writeFile(
    join(directory, 'kustomization.yaml'),
    stringify({ resources: resources.map((path) => relative(real, path)), ...fields }),
  )
  const { stdout } = await promisify(execFile)(await kubectlBinary(), [
    'kustomize',
    '--load-restrictor=LoadRestrictionsNone',
    directory,
  ])
  return parseObjects(stdout)
}

function imagesOf(objects: readonly ApiObject[]): { webhook: unknown; loader: unknown } {
  const text = valueIn(objectOf(objects, 'ConfigMap'), 'data', 'config.yaml') as string
  const config = parseConfig(text, envOf(objects).find(({ name }) => name === loaderImageVariable)?.value)
  if (!config.ok) throw new Error(config.problems.join('\n'))
  return {
    webhook: valueIn(objectOf(objects, 'Deployment'), 'spec.template.spec.containers.0.image'),
    loader: config.config.defaults.image,
  }
}

function envOf(objects: readonly ApiObject[]): { name: string; value?: string }[] {
  return valueIn(objectOf(objects, 'Deployment'), 'spec.template.spec.containers.0.env') as { name: string }[]
}
