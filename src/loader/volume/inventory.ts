/** Lists the files of a directory as seen by a container that mounts only this directory. */
import { readdir, readlink, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { placeWithin } from './within.ts'

export interface Inventory {
  /** Regular files, by their path in the directory. */
  readonly files: ReadonlySet<string>
  /** Total size of the regular files. */
  readonly bytes: number
  /** Target files by link. Links to directories are left out: the files are counted at their own path. */
  readonly links: ReadonlyMap<string, string>
  readonly broken: readonly BrokenLink[]
  /** Sockets, devices and pipes: reading one of them may never end. */
  readonly odd: readonly string[]
}

interface BrokenLink {
  readonly path: string
  readonly target: string
  readonly why: 'outside' | 'missing'
}

interface Draft {
  readonly directory: string
  readonly files: Set<string>
  readonly links: Map<string, string>
  readonly broken: BrokenLink[]
  readonly odd: string[]
  bytes: number
}

/** Directories of the file system at the root of a volume: those of ext4, and the snapshots of ONTAP. */
const ofTheFileSystem = ['lost+found', '.snapshot']

export async function takeInventory(directory: string, signal: AbortSignal): Promise<Inventory> {
  const draft: Draft = { directory, files: new Set(), links: new Map(), broken: [], odd: [], bytes: 0 }
  const waiting = ['']
  for (let below = waiting.pop(); below !== undefined; below = waiting.pop()) {
    for (const entry of await readdir(join(directory, below), { withFileTypes: true })) {
      signal.throwIfAborted()
      const path = join(below, entry.name)
      if (entry.isDirectory() && !ofTheFileSystem.includes(path)) waiting.push(path)
      else if (entry.isFile()) await addFile(draft, path)
      else if (entry.isSymbolicLink()) await addLink(draft, path)
      else if (!entry.isDirectory()) draft.odd.push(path)
    }
  }
  return draft
}

async function addFile(draft: Draft, path: string): Promise<void> {
  draft.files.add(path)
  draft.bytes += (await stat(join(draft.directory, path))).size
}

async function addLink(draft: Draft, path: string): Promise<void> {
  const place = await placeWithin(draft.directory, path)
  if (place.kind === 'outside') draft.broken.push({ path, target: place.link.target, why: 'outside' })
  else if (place.kind === 'missing') {
    draft.broken.push({ path, target: await readlink(join(draft.directory, path)), why: 'missing' })
  } else if ((await stat(place.path)).isFile()) draft.links.set(path, place.relative)
}
