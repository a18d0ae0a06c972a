/** Reads the operator's configuration, so that the command line decides as the webhook of that operator does. */
import { readFile } from 'node:fs/promises'
import { getSystemErrorMessage } from 'node:util'
import type { Config } from '../config/config.ts'
import { defaultConfig, parseConfig, withImage } from '../config/parse-config.ts'
import { AppError } from '../errors.ts'
import { parseImage } from '../values/names.ts'

/** The image is not part of the configuration: in a cluster the webhook's Deployment names it. */
export const imageFlag = {
  term: '--image <image>',
  description: "image of the loader (default: the configuration's defaults.image)",
  parse: parseImage,
} as const

/** Throws an AppError that has all mistakes of the file. `image` is that of the option, which comes before that of the file. */
export async function readConfig(file: string | undefined, image?: string): Promise<Config> {
  const config = file === undefined ? defaultConfig : await readFileOf(file)
  return image === undefined ? config : withImage(config, image)
}

async function readFileOf(file: string): Promise<Config> {
  const result = parseConfig(await readText(file))
  if (result.ok) return result.config
  throw new AppError(
    'ConfigurationInvalid',
    [`${file} is not a valid configuration:`, ...result.problems.map((problem) => `  ${problem}`)].join('\n'),
  )
}

/** Throws an AppError for a file that cannot be read. */
export async function readText(
  file: string,
  code: 'ConfigurationUnreadable' | 'WaiversUnreadable' = 'ConfigurationUnreadable',
): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    const { errno, message } = cause as NodeJS.ErrnoException
    throw new AppError(code, `${file}: ${errno === undefined ? message : getSystemErrorMessage(errno)}`, { cause })
  }
}
