/** Resolves a path and its links as seen by a container that mounts only the given directory. */
import { lstat, readlink } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { hasCode } from './file-failure.ts'

/** Limit of the kernel (MAXSYMLINKS). */
const mostLinks = 40

export type Place =
  /** Path without links; `relative` is its path below the root, empty for the root. */
  | { readonly kind: 'there'; readonly path: string; readonly relative: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'outside'; readonly link: Link }

/** A link by its path relative to the root. */
interface Link {
  readonly name: string
  readonly target: string
}

interface Walk {
  readonly root: string
  readonly walked: string[]
  readonly ahead: string[]
  readonly links: Link[]
}

/**
 * Follows `path` below `root`. An absolute link, or one that leaves the root even temporarily, leads elsewhere in a container
 * that mounts the directory: the kubelet refuses a subPath with such links, and for an app they are broken.
 */
export async function placeWithin(root: string, path: string): Promise<Place> {
  const walk: Walk = { root, walked: [], ahead: path.split('/'), links: [] }
  for (let segment = walk.ahead.shift(); segment !== undefined; segment = walk.ahead.shift()) {
    const end = await step(walk, segment)
    if (end !== undefined) return end
  }
  const relative = walk.walked.join('/')
  return { kind: 'there', path: join(root, relative), relative }
}

async function step(walk: Walk, segment: string): Promise<Place | undefined> {
  if (segment === '' || segment === '.') return undefined
  if (segment === '..') return walk.walked.pop() === undefined ? outside(walk) : undefined
  const name = [...walk.walked, segment].join('/')
  const found = await look(join(walk.root, name))
  if (found === 'missing') return { kind: 'missing' }
  if (found === 'no link') walk.walked.push(segment)
  else return follow(walk, { name, target: found.target })
  return undefined
}

function follow(walk: Walk, link: Link): Place | undefined {
  walk.links.push(link)
  if (isAbsolute(link.target)) return outside(walk)
  if (walk.links.length > mostLinks) return { kind: 'missing' }
  walk.ahead.unshift(...link.target.split('/'))
  return undefined
}

function outside({ links, ahead }: Walk): Place {
  return { kind: 'outside', link: links.at(-1) ?? { name: '..', target: ahead.join('/') } }
}

async function look(path: string): Promise<{ readonly target: string } | 'no link' | 'missing'> {
  try {
    return (await lstat(path)).isSymbolicLink() ? { target: await readlink(path) } : 'no link'
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return 'missing'
    throw error
  }
}
