/**
 * Layout of the loader's volume:
 *
 *     <id>/files/…                  a published model; app containers mount this directory
 *     <id>/marker.json              says that it is complete
 *     .staging-<id>-<pod uid>/      one pod's work in progress: files/, journal.ndjson
 *     .lock-<id>/                   the loader at work; saves bandwidth, proves nothing
 *
 * A model appears by one rename(2) of a finished staging directory onto nothing. A published directory is never changed
 * and never removed, and nothing is ever moved across mounts.
 */
import { join } from 'node:path'
import type { LoadTask } from '../environment.ts'

export interface Layout {
  readonly root: string
  readonly published: string
  readonly publishedFiles: string
  readonly publishedMarker: string
  readonly staging: string
  readonly stagingName: string
  readonly stagingFiles: string
  readonly stagingMarker: string
  readonly journal: string
  readonly lock: string
}

export const stagingPattern = /^\.staging-[0-9a-f]{16}-[0-9A-Za-z-]{1,64}$/

export function layoutOf({ root, id, podUid }: LoadTask): Layout {
  const published = join(root, id)
  const stagingName = `.staging-${id}-${podUid}`
  const staging = join(root, stagingName)
  return {
    root,
    published,
    staging,
    stagingName,
    publishedFiles: join(published, 'files'),
    publishedMarker: join(published, 'marker.json'),
    stagingFiles: join(staging, 'files'),
    stagingMarker: join(staging, 'marker.json'),
    journal: join(staging, 'journal.ndjson'),
    lock: join(root, `.lock-${id}`),
  }
}

/** Readable for all, as the app may run as another user, and writable for the group where the app may write. */
export function modesOf({ readOnly }: LoadTask): { readonly file: number; readonly directory: number } {
  return readOnly ? { file: 0o644, directory: 0o755 } : { file: 0o664, directory: 0o775 }
}
