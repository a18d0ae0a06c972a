/** What of the volume a mount shows, by the layout of volume.ts. */

export type Reach = { readonly kind: 'version'; readonly version: string } | { readonly kind: 'current' | 'whole' }

export interface MountedPath {
  readonly subPath?: string
  readonly subPathExpr?: string
}

/** Empty for a directory that holds no version. */
export function reachOf({ subPath, subPathExpr }: MountedPath): readonly Reach[] {
  const path = subPathExpr === undefined ? (subPath ?? '') : literalPart(subPathExpr)
  const [first, second] = path.split('/').filter((segment) => segment !== '' && segment !== '.')
  if (first === undefined) return [{ kind: 'whole' }]
  if (first === 'current') return [{ kind: 'current' }]
  if (first !== 'versions') return []
  return [second === undefined ? { kind: 'whole' } : { kind: 'version', version: second }]
}

/** Variables of the container stand behind it: only the directories before them are known. */
function literalPart(expression: string): string {
  const at = expression.indexOf('$(')
  return at < 0 ? expression : expression.slice(0, expression.lastIndexOf('/', at) + 1)
}
