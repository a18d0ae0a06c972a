/** Where a path leads, links included, for somebody who sees a directory mounted and nothing around it. */
import { lstat, readlink } from 'node:fs/promises'
import { isAbsolute, join } from 'node:path'
import { hasCode } from './file-failure.ts'

/** As many as the kernel follows (MAXSYMLINKS). */
const mostLinks = 40

export type Place =
  /** Without links; `relative` to the root, which is empty itself. */
  | { readonly kind: 'there'; readonly path: string; readonly relative: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'outside'; readonly link: Link }

/** Relative to the root. */
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
 * Follows `path` below `root`. A link that leaves the root, if only on its way, leads somewhere else where the directory is
 * mounted, and so does an absolute one: the kubelet refuses a subPath with such links, and an app finds them broken.
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
