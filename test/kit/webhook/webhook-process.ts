/** The real webhook, as its own process: `model-injector serve` with throw-away certificates on free ports. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { commandNodeFlags, commandVariables, imageNodeFlags } from '../../../deploy/image/node-flags.ts'
import { createCertificateAuthority, issueCertificate } from './pki.ts'
import { waitFor } from '../tools/wait-for.ts'

export interface WebhookProcess {
  /** `https://127.0.0.1:PORT/mutate` */
  readonly url: string
  readonly healthUrl: string
  /** PEM. */
  readonly caCertificate: string
  readonly pid: number
  /** The log lines of admissions so far, oldest first. */
  admissions(): readonly AdmissionLine[]
  /** Lines of errors and faults. */
  errors(): readonly Record<string, unknown>[]
  stop(): Promise<void>
}

export interface AdmissionLine {
  readonly uid: string
  readonly namespace: string
  readonly pod: string
  readonly outcome: 'skipped' | 'injected' | 'denied' | 'failed'
  readonly reason: string
  readonly ops: number
}

const main = join(import.meta.dirname, '..', '..', '..', 'src', 'main.ts')

export interface WebhookOptions {
  /** Arguments of the command `serve`, after the harness's own. */
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** True for runs of millions of lines: only those of errors are kept. */
  readonly keepsErrorsOnly?: boolean
}

/** `directory` is the caller's and holds certificates and configuration. */
export async function startWebhook(
  directory: string,
  configuration = '',
  options: WebhookOptions = {},
): Promise<WebhookProcess> {
  const caCertificate = await writeCertificates(directory)
  const configFile = join(directory, 'config.yaml')
  await writeFile(configFile, configuration)
  const args = [
    'serve',
    '--config',
    configFile,
    '--tls-dir',
    join(directory, 'tls'),
    '--address',
    '127.0.0.1',
    '--port',
    '0',
    '--health-port',
    '0',
    '--drain-seconds',
    '0',
    ...(options.args ?? []),
  ]
  // A test runner's loaders are of no use to it.
  const child = spawn(process.execPath, [...imageNodeFlags, ...commandNodeFlags.serve, main, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '', ...commandVariables.serve, ...options.env },
  })
  const lines: Record<string, unknown>[] = []
  createInterface({ input: child.stdout }).on('line', (line) => {
    const parsed = JSON.parse(line) as Record<string, unknown>
    if (options.keepsErrorsOnly !== true || isError(parsed) || parsed.msg === 'listening') lines.push(parsed)
  })
  const exited = once(child, 'exit')
  const listening = await waitFor('the webhook to listen', () => {
    if (child.exitCode !== null) throw new Error(`the webhook exited with ${child.exitCode}`)
    return Promise.resolve(lines.find(({ msg }) => msg === 'listening'))
  })
  const { port, healthPort } = listening as { port: number; healthPort: number }
  return {
    url: `https://127.0.0.1:${port}/mutate`,
    healthUrl: `http://127.0.0.1:${healthPort}`,
    caCertificate,
    pid: child.pid ?? 0,
    admissions: () => lines.filter(({ outcome }) => outcome !== undefined) as unknown as AdmissionLine[],
    errors: () => lines.filter(isError),
    stop: async () => {
      child.kill('SIGTERM')
      await exited
    },
  }
}

function isError({ level }: Record<string, unknown>): boolean {
  return Number(level) >= 50
}

/** In the directory `tls`, as the webhook reads them. Returns the PEM of their authority. */
export async function writeCertificates(directory: string): Promise<string> {
  const authority = await createCertificateAuthority(directory, 'webhook-ca')
  const { certificateFile, keyFile } = await issueCertificate(directory, authority, {
    name: 'webhook',
    subject: '/CN=model-injector',
    usage: 'serverAuth',
    alternativeNames: ['IP:127.0.0.1'],
  })
  await mkdir(join(directory, 'tls'), { recursive: true })
  await copyFile(certificateFile, join(directory, 'tls', 'tls.crt'))
  await copyFile(keyFile, join(directory, 'tls', 'tls.key'))
  return readFile(authority.certificateFile, 'utf8')
}
