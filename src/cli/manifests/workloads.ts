/** The objects of documents. */
import { printable, quote } from '../../values/print/printable.ts'
import type { ManifestDocument } from './documents.ts'
import { isObject, valueAt, type Path } from './paths.ts'

export interface FoundObject {
  /** Path of the object in its document; empty, unless it is in a list. */
  readonly path: Path
  readonly object: unknown
  /** `deployment/my-app`, safe to print. */
  readonly title: string
  readonly kind: string
  /** Empty for kinds of the API's core. */
  readonly group: string
  readonly name: string | undefined
  readonly namespace: string | undefined
  /** Undefined for an object of a cluster, or of a list that is read item by item. */
  readonly document?: ManifestDocument
}

interface TypeMeta {
  readonly apiVersion: string
  readonly kind: string
}

/** The objects of a document of a file. */
export function objectsIn(document: ManifestDocument): readonly FoundObject[] {
  return objectsOf(document.value).map((found) => ({ ...found, document }))
}

/** The objects of a value: itself, or the items of a list, however deep lists are nested. */
export function objectsOf(value: unknown, path: Path = [], itemType?: TypeMeta): readonly FoundObject[] {
  if (value === null || value === undefined) return []
  if (!isObject(value)) return [describe(value, path, { apiVersion: '', kind: '' })]
  const type = typeOf(value, itemType)
  if (!type.kind.endsWith('List') || !Array.isArray(value.items)) return [describe(value, path, type)]
  const ownType = typeOfItems(type)
  return value.items.flatMap((item: unknown, i) => objectsOf(item, [...path, 'items', i], ownType))
}

function typeOf(
  { apiVersion, kind }: Readonly<Record<string, unknown>>,
  fallback: TypeMeta = { apiVersion: '', kind: '' },
): TypeMeta {
  return { apiVersion: textOf(apiVersion) ?? fallback.apiVersion, kind: textOf(kind) ?? fallback.kind }
}

/** The items of a DeploymentList need not say that they are Deployments. */
function typeOfItems({ apiVersion, kind }: TypeMeta): TypeMeta | undefined {
  return kind === 'List' ? undefined : { apiVersion, kind: kind.slice(0, -'List'.length) }
}

function describe(object: unknown, path: Path, { apiVersion, kind }: TypeMeta): FoundObject {
  const metadata = valueAt(object, ['metadata'])
  const name = textOf(valueAt(metadata, ['name'])) ?? textOf(valueAt(metadata, ['generateName']))
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : ''
  return {
    path,
    object,
    kind,
    group,
    name,
    title: `${shown(kind === '' ? 'object' : kind.toLowerCase())}/${shown(name ?? '(no name)')}`,
    namespace: textOf(valueAt(metadata, ['namespace'])),
  }
}

/** The longest name that the API server accepts. */
const longestName = 253

function shown(name: string): string {
  return name.length > longestName ? quote(name) : printable(name)
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
