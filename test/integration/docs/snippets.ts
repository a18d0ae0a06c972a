/** The pods in the YAML of the pages, completed as a reader would. */
import { parseAllDocuments } from 'yaml'
import { defaultPrefix } from '../../../src/annotations.ts'

export interface Snippet {
  readonly pod: { readonly metadata: object; readonly spec: object }
  readonly namespace: string
}

type Tree = Readonly<Record<string, unknown>>

/** Throws where the text is no YAML. */
export function parseBlock(text: string): readonly unknown[] {
  return parseAllDocuments(text).map((document) => {
    if (document.errors[0] !== undefined) throw document.errors[0]
    return document.toJS() as unknown
  })
}

/** Whatever has annotations of ours: pods, templates of workloads, and the bare annotations of a document. */
export function findPods(document: unknown): readonly Snippet[] {
  return hasOurs(document)
    ? [{ pod: { metadata: { annotations: document }, spec: complete({}) }, namespace: 'apps' }]
    : search(document, 'apps')
}

function search(value: unknown, namespace: string): readonly Snippet[] {
  if (Array.isArray(value)) return value.flatMap((entry) => search(entry, namespace))
  if (!isTree(value)) return []
  const [metadata, spec] = [treeOf(value.metadata), treeOf(value.spec)]
  const own = typeof metadata.namespace === 'string' ? metadata.namespace : namespace
  if (!hasOurs(metadata.annotations)) return Object.values(value).flatMap((entry) => search(entry, own))
  if (spec.template !== undefined) throw new Error('annotations of ours on a workload, where nothing reads them')
  return [{ pod: { metadata, spec: complete(spec) }, namespace: own }]
}

/** Snippets that are about annotations alone leave out what every pod has. */
function complete(spec: Tree): Tree {
  return { containers: [{ name: 'app', image: 'registry.example.com/my-app:3.5.0' }], ...spec }
}

function hasOurs(annotations: unknown): boolean {
  return Object.keys(treeOf(annotations)).some((key) => key.startsWith(defaultPrefix))
}

function treeOf(value: unknown): Tree {
  return isTree(value) ? value : {}
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
