/** A webhook that runs beside a benchmark, as the benchmark starts and asks it. */
import { execFileSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { request, type Agent } from 'node:https'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

/** tls.crt and tls.key for 127.0.0.1. */
export function makeCertificate(directory: string): void {
  execFileSync(join(import.meta.dirname, '..', 'certs', 'throwaway.sh'), [directory, '127.0.0.1'])
}

/** The port that the log names once it listens. */
export async function listeningPort(child: ChildProcess): Promise<number> {
  const log = child.stdout
  if (log === null) throw new Error('its log is not read')
  const ended = once(child, 'exit').then(() => {
    throw new Error(`${child.spawnargs.join(' ')} ended before it listened`)
  })
  const listening = new Promise<number>((done) => {
    createInterface({ input: log }).on('line', (line) => {
      const entry = JSON.parse(line) as { msg?: string; port?: number }
      if (entry.msg === 'listening') done(entry.port ?? 0)
    })
  })
  return Promise.race([ended, listening])
}

/** Sends a review as the API server does. */
export function sendReview(url: string, agent: Agent, body: string): Promise<{ status: number; text: string }> {
  return new Promise((done, failed) => {
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json, */*',
      'content-length': Buffer.byteLength(body),
    }
    const sent = request(url, { method: 'POST', agent, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('error', failed)
      response.once('end', () => {
        done({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() })
      })
    })
    sent.once('error', failed)
    sent.end(body)
  })
}
