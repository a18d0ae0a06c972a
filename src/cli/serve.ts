/** `model-injector serve`: reads the options, starts the server, and stops it on a signal. */
import { Command, InvalidArgumentError, Option } from 'commander'
import { pino } from 'pino'
import { loaderImageOption, loaderImageVariable } from '../config/loader-image.ts'
import { systemClock } from '../server/clock.ts'
import type { EventsApi } from '../server/record-events.ts'
import { startServer, type RunningServer, type ServerOptions } from '../server/start-server.ts'
import { parseImage } from '../values/names.ts'

interface ServeOptions {
  readonly config?: string
  readonly loaderImage?: string
  readonly tlsDir: string
  readonly address?: string
  readonly port: number
  readonly healthPort: number
  readonly tlsMinVersion: 'TLSv1.3' | 'TLSv1.2'
  readonly drainSeconds: number
  readonly logLevel: string
  readonly events: boolean
  readonly serviceAccountDir: string
}

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

const examples = `
Examples:
  model-injector serve --tls-dir /etc/model-injector/tls
  model-injector serve --tls-dir ./certs/dev --config config.yaml --log-level debug`

export function serveCommand(): Command {
  return new Command('serve')
    .description('serve the admission webhook over HTTPS, and health and metrics on a plain port')
    .option('--config <file>', 'configuration file, read again when it changes (default: the built-in configuration)')
    .addOption(
      new Option(`${loaderImageOption} <image>`, 'image of loaders where the configuration sets no defaults.image')
        .env(loaderImageVariable)
        .argParser(parseLoaderImage),
    )
    .requiredOption('--tls-dir <dir>', 'directory with tls.crt and tls.key, read again when they change')
    .option('--address <address>', 'address to listen on (default: all, IPv6 and IPv4)')
    .option('--port <number>', 'port of the webhook; 0 for any', parsePort, 8443)
    .option('--health-port <number>', 'plain port of /healthz, /readyz and /metrics; 0 for any', parsePort, 9090)
    .addOption(
      new Option('--tls-min-version <version>', 'oldest TLS version that is accepted')
        .choices(['TLSv1.3', 'TLSv1.2'])
        .default('TLSv1.3'),
    )
    .option(
      '--drain-seconds <seconds>',
      'how long to go on answering after SIGTERM, until all clients know of it',
      parseSeconds,
      10,
    )
    .addOption(new Option('--log-level <level>', 'least level that is logged').choices(logLevels).default('info'))
    .option('--events', 'write Events on the owners of pods, with the service account of this pod', false)
    .option(
      '--service-account-dir <dir>',
      'directory with token and ca.crt for --events',
      '/var/run/secrets/kubernetes.io/serviceaccount',
    )
    .addHelpText('after', examples)
    .action(serve)
}

async function serve(options: ServeOptions): Promise<void> {
  const logger = pino({ level: options.logLevel, timestamp: pino.stdTimeFunctions.isoTime })
  const eventsApi = await connectEvents(options)
  stopOnSignal(await startServer(serverOptionsOf(options), { logger, clock: systemClock, eventsApi }))
}

/** Imported only with --events: by default the webhook connects to no API server. */
async function connectEvents({ events, serviceAccountDir }: ServeOptions): Promise<EventsApi | undefined> {
  if (!events) return undefined
  const { inClusterEvents } = await import('../cluster/in-cluster-events.ts')
  return inClusterEvents(serviceAccountDir, process.env)
}

function serverOptionsOf(options: ServeOptions): ServerOptions {
  return {
    configFile: options.config,
    loaderImage: options.loaderImage,
    tlsDirectory: options.tlsDir,
    address: options.address,
    port: options.port,
    healthPort: options.healthPort,
    minVersion: options.tlsMinVersion,
    drainSeconds: options.drainSeconds,
  }
}

/** A second signal (another Ctrl-C) ends the drain. */
function stopOnSignal(server: RunningServer): void {
  const hurry = new AbortController()
  let stopping = false
  const onSignal = (): void => {
    if (stopping) hurry.abort()
    else void server.stop(hurry.signal).then(() => process.exit(0))
    stopping = true
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
}

function parseLoaderImage(text: string): string {
  const image = parseImage(text)
  if (!image.ok) {
    throw new InvalidArgumentError(
      `It ${image.problem}. Accepted is the image of this container, as registry.example.com/model-injector@sha256:DIGEST.`,
    )
  }
  return image.value
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : -1
  if (port < 0 || port > 65535) throw new InvalidArgumentError('It is not a port from 0 to 65535.')
  return port
}

function parseSeconds(text: string): number {
  const seconds = /^\d{1,4}(\.\d{1,3})?$/.test(text) ? Number(text) : -1
  if (seconds < 0) throw new InvalidArgumentError('It is not a number of seconds from 0 to 9999.')
  return seconds
}
