/** Reads the operator's configuration, so that the command line decides as the webhook of that operator does. */
import { readFile } from 'node:fs/promises'
import { getSystemErrorMessage } from 'node:util'
import type { Config } from '../config/config.ts'
import { defaultConfig, parseConfig } from '../config/parse-config.ts'
import { AppError } from '../errors.ts'

/** Throws an AppError that has all mistakes of the file. */
export async function readConfig(file: string | undefined): Promise<Config> {
  if (file === undefined) return defaultConfig
  const result = parseConfig(await readText(file))
  if (result.ok) return result.config
  throw new AppError(
    'ConfigurationInvalid',
    [`${file} is not a valid configuration:`, ...result.problems.map((problem) => `  ${problem}`)].join('\n'),
  )
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    const { errno, message } = cause as NodeJS.ErrnoException
    throw new AppError(
      'ConfigurationUnreadable',
      `${file}: ${errno === undefined ? message : getSystemErrorMessage(errno)}`,
      { cause },
    )
  }
}
