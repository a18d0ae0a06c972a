/** Width and colours of the terminal, safe output, and closed pipes. */
import { styleText } from 'node:util'
import { oneOf } from '../flags/flags.ts'

const colorChoices = ['auto', 'always', 'never'] as const
export type ColorChoice = (typeof colorChoices)[number]

export const colorFlag = {
  term: '--color <when>',
  description: 'colours of the report',
  ...oneOf(colorChoices),
  default: 'auto',
} as const

type Format = Parameters<typeof styleText>[0]
export type Paint = (format: Format, text: string) => string

/** `auto` looks at NO_COLOR, FORCE_COLOR, CLICOLOR_FORCE and whether stdout is a terminal. */
export function painter(choice: ColorChoice): Paint {
  if (choice === 'never') return (_format, text) => text
  if (choice === 'always' || isForced(process.env)) {
    return (format, text) => styleText(format, text, { validateStream: false })
  }
  return (format, text) => styleText(format, text, { stream: process.stdout })
}

/** Replaces control characters: no name and no parser message may move the cursor or reverse text (CWE-150). */
export function writeReport(text: string): void {
  process.stderr.write(text.replace(/(?!\n)\p{C}/gu, '\ufffd'))
}

/** Node itself reads the other two, and FORCE_COLOR before NO_COLOR. */
function isForced({
  CLICOLOR_FORCE: forced = '',
  NO_COLOR: none = '',
  FORCE_COLOR: ofNode,
}: NodeJS.ProcessEnv): boolean {
  return ofNode === undefined && none === '' && forced !== '' && forced !== '0'
}

const widthWithoutTerminal = 100
const leastWidth = 60

export function terminalWidth(): number {
  return Math.max(leastWidth, process.stdout.columns || Number(process.env.COLUMNS) || widthWithoutTerminal)
}

/** True where another program reads, unless COLUMNS says how wide its lines may be. */
export function isPipe(): boolean {
  return !process.stdout.isTTY && process.env.COLUMNS === undefined
}

/** `| head` closes the pipe early, which is no failure. */
export function ignoreClosedPipe(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
    })
  }
}
