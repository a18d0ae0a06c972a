/** The TCP ports on which one process listens. */
import { readdir, readFile, readlink } from 'node:fs/promises'

/** State of a socket in /proc/net/tcp: https://www.kernel.org/doc/Documentation/networking/proc_net_tcp.txt */
const listening = '0A'

/** Sorted. */
export async function listeningPorts(pid: number | undefined): Promise<readonly number[]> {
  const directory = `/proc/${pid ?? ''}/fd`
  const descriptors = await readdir(directory)
  const targets = await Promise.all(descriptors.map((fd) => readlink(`${directory}/${fd}`).catch(() => '')))
  const own = new Set(targets.flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []))
  const tables = await Promise.all(['tcp', 'tcp6'].map((table) => readFile(`/proc/${pid ?? ''}/net/${table}`, 'utf8')))
  return tables
    .flatMap((table) => table.split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state === listening && own.has(inode ?? ''))
    .map(([, address = '']) => Number.parseInt(address.slice(address.lastIndexOf(':') + 1), 16))
    .sort((a, b) => a - b)
}
