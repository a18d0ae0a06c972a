/** Maps a mount to the parts of the volume that it shows, by the layout of volume.ts. */

export type MountedPath =
  | { readonly kind: 'version'; readonly version: string }
  | { readonly kind: 'current' | 'whole' }

export interface SubPath {
  readonly subPath?: string
  readonly subPathExpr?: string
}

/** Empty for a directory that holds no version. */
export function mountedPathsOf({ subPath, subPathExpr }: SubPath): readonly MountedPath[] {
  const path = subPathExpr === undefined ? (subPath ?? '') : literalPart(subPathExpr)
  const [first, second] = path.split('/').filter((segment) => segment !== '' && segment !== '.')
  if (first === undefined) return [{ kind: 'whole' }]
  if (first === 'current') return [{ kind: 'current' }]
  if (first !== 'versions') return []
  return [second === undefined ? { kind: 'whole' } : { kind: 'version', version: second }]
}

/** Directories before the first variable of the container; the value of the variable is unknown. */
function literalPart(expression: string): string {
  const at = expression.indexOf('$(')
  return at < 0 ? expression : expression.slice(0, expression.lastIndexOf('/', at) + 1)
}
