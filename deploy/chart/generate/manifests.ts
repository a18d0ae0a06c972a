/** The chart's objects with default values, and their namespace, for `kubectl apply`. */
import { parse, parseAllDocuments, stringify, type Document } from 'yaml'
import { templateChart } from '../../../test/kit/tools/helm.ts'

const title = `# model-injector without Helm: rendered from deploy/chart, with its defaults. Needs cert-manager.
#   kubectl apply --server-side -f deploy/manifests.yaml
# Made by \`node deploy/chart/generate.ts\`: change the chart, not this file.
apiVersion: v1
kind: Namespace
metadata:
  name: model-injector
  labels:
    pod-security.kubernetes.io/enforce: restricted
`

const certificatesTitle = `# The serving certificate of the webhook, issued and renewed by cert-manager, by a CA of its own: the caBundle of the webhook
# configuration stays the same when the certificate is renewed. deploy/manifests.yaml and the Helm chart have the same objects.
# Made by \`node deploy/chart/generate.ts\`: change the chart, not this file.
`

export async function plainManifests(): Promise<string> {
  return [title, ...(await renderedDocuments()).map(plainDocument)].join('---\n')
}

/** The objects for cert-manager, for installations with their own manifests. */
export async function certificateManifests(): Promise<string> {
  const documents = (await renderedDocuments()).filter((document) =>
    String(document.get('apiVersion')).startsWith('cert-manager.io/'),
  )
  return certificatesTitle + documents.map(plainDocument).join('---\n')
}

async function renderedDocuments(): Promise<readonly Document[]> {
  const { ok, stdout, stderr } = await templateChart()
  if (!ok) throw new Error(stderr)
  const documents = parseAllDocuments(stdout.replace(/^# Source: .*\n/gm, ''))
  if ('empty' in documents) throw new Error('the chart renders nothing')
  return documents
}

/** Removes Helm's own fields; comments stay. */
function plainDocument(document: Document): string {
  for (const metadata of [['metadata'], ['spec', 'template', 'metadata']]) {
    for (const label of ['helm.sh/chart', 'app.kubernetes.io/managed-by']) {
      if (document.hasIn([...metadata, 'labels', label])) document.deleteIn([...metadata, 'labels', label])
    }
  }
  forgetCluster(document)
  return document.toString({ lineWidth: 0, flowCollectionPadding: false, directives: false })
}

/** Removes the cluster version, which is only Helm's built-in default. */
function forgetCluster(document: Document): void {
  const path = ['data', 'config.yaml']
  if (!document.hasIn(path)) return
  const config = parse(String(document.getIn(path))) as { cluster?: unknown }
  delete config.cluster
  document.setIn(path, stringify(config, { lineWidth: 0 }))
}
