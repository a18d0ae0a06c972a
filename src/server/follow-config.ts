/**
 * Keeps the configuration up to date with the mounted file. A bad new file is refused, and the old configuration stays.
 */
import { basename, dirname } from 'node:path'
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { parseConfig, type ConfigResult, defaultConfigWith } from '../config/parse-config.ts'
import { AppError } from '../errors.ts'
import type { Clock } from './clock.ts'
import type { Metrics } from './metrics.ts'
import { parseBeside } from './parse-beside.ts'
import { readSettledFiles, watchFiles, type Followed } from './watch-directory.ts'

export interface ConfigDeps {
  /** Undefined for the default configuration, which never changes. */
  readonly file: string | undefined
  /** Image of loaders without one in the file. Fixed while the process runs, so an upgrade reaches only new replicas. */
  readonly loaderImage?: string | undefined
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly pollMs?: number
}

/** Throws an AppError with all problems if the file is bad at the start. */
export async function followConfig(deps: ConfigDeps): Promise<Followed<Config>> {
  if (deps.file === undefined) return unchanging(startWith(defaultConfigWith(deps.loaderImage), deps))
  const [directory, name] = [dirname(deps.file), basename(deps.file)]
  const seen = await readSettledFiles(directory, [name])
  let current = startWith(readOrThrow(seen[name], deps.file, deps.loaderImage), deps)

  const closing = new AbortController()

  async function take(content: Buffer | undefined): Promise<void> {
    deps.logger.debug({ file: deps.file, bytes: content?.length }, 'reading the changed configuration')
    const result = await readBeside(content, deps.loaderImage, closing.signal)
    if (result === undefined) return
    if (!result.ok) {
      refuse(result.problems, deps)
      return
    }
    current = result.config
    deps.metrics.config.reloaded(factsOf(result.config, deps.clock))
    deps.logger.info({ file: deps.file, configHash: result.config.hash }, 'configuration reloaded')
    warnAboutImage(result.config, deps.logger)
  }

  const watch = watchFiles({
    directory,
    names: [name],
    seen,
    onChange: (contents) => take(contents[name]),
    ...(deps.pollMs === undefined ? {} : { pollMs: deps.pollMs }),
  })
  const close = (): void => {
    watch.close()
    closing.abort()
  }
  return { current: () => current, close }
}

function startWith(config: Config, { metrics, clock, logger }: ConfigDeps): Config {
  metrics.config.loaded(factsOf(config, clock))
  warnAboutImage(config, logger)
  return config
}

function unchanging(config: Config): Followed<Config> {
  return { current: () => config, close: () => undefined }
}

function readOrThrow(content: Buffer | undefined, file: string, loaderImage: string | undefined): Config {
  if (content === undefined) throw new AppError('ConfigurationUnreadable', `${file} cannot be read`)
  const result = parseConfig(content.toString(), loaderImage)
  if (result.ok) return result.config
  throw new AppError(
    'ConfigurationInvalid',
    [`${file} is not a valid configuration:`, ...result.problems.map((problem) => `  ${problem}`)].join('\n'),
  )
}

function readBeside(
  content: Buffer | undefined,
  loaderImage: string | undefined,
  signal: AbortSignal,
): Promise<ConfigResult | undefined> {
  return content === undefined
    ? Promise.resolve({ ok: false, problems: ['the file cannot be read'] })
    : parseBeside({ text: content.toString(), loaderImage }, signal)
}

function refuse(problems: readonly string[], { file, logger, metrics }: ConfigDeps): void {
  metrics.config.refused()
  logger.error({ file, problems }, 'configuration refused')
}

function factsOf({ hash }: Config, clock: Clock): { hash: string; loadedAtMs: number } {
  return { hash, loadedAtMs: clock.now() }
}

/** A tag can be moved to another image, which every annotated pod would then run. */
function warnAboutImage({ defaults }: Config, logger: Logger): void {
  if (defaults.image?.includes('@sha256:') === true) return
  logger.warn({ image: defaults.image }, 'the loader image is not pinned by digest')
}
