/** Output of the loader: lines for people, or JSON for machines. */
import { writeFileSync } from 'node:fs'
import { styleText } from 'node:util'
import { singleLine, printable } from '../values/print/printable.ts'
import { formatSize } from './format-size.ts'

export interface Report {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void
  warn(message: string): void
  error(message: string, fields?: Readonly<Record<string, unknown>>): void
  /** Reports the bytes received so far and the total. */
  progress(progress: Progress): void
}

interface Progress {
  readonly bytes: number
  readonly totalBytes: number
  readonly bytesPerSecond: number
}

export interface Output {
  readonly isTTY?: boolean
  write(text: string): unknown
}

export function textReport(output: Output): Report {
  let bar = false
  const line = (text: string): void => {
    output.write(`${bar ? '\r\u001b[K' : ''}${text}\n`)
    bar = false
  }
  return {
    info: (message) => {
      line(singleLine(message))
    },
    warn: (message) => {
      line(singleLine(`warning: ${message}`))
    },
    error: (message) => {
      const text = inLines(message)
      line(output.isTTY === true ? styleText('red', text) : text)
    },
    progress: (progress) => {
      if (output.isTTY !== true) line(describe(progress))
      else output.write(`\r\u001b[K${drawBar(progress)} ${describe(progress)}`)
      bar = output.isTTY === true
    },
  }
}

export function jsonReport(output: Output): Report {
  const line = (level: string, msg: string, fields: object = {}): void => {
    output.write(`${JSON.stringify({ level, time: new Date().toISOString(), msg, ...fields })}\n`)
  }
  return {
    info: (message, fields) => {
      line('info', singleLine(message), fields)
    },
    warn: (message) => {
      line('warn', singleLine(message))
    },
    error: (message, fields) => {
      line('error', inLines(message), fields)
    },
    progress: (progress) => {
      line('info', 'progress', { ...progress, secondsLeft: secondsLeft(progress) })
    },
  }
}

/** A stack trace keeps its lines. */
function inLines(text: string): string {
  return text.split('\n').map(printable).join('\n')
}

/** The kubelet shows this line in the status of the container. Outside a pod there is no such file, and none is made. */
export function writeTerminationMessage(path: string, line: string): void {
  try {
    writeFileSync(path, line.slice(0, 4096), { flag: 'r+' })
  } catch {
    // The log has the same line.
  }
}

function describe(progress: Progress): string {
  const { bytes, totalBytes, bytesPerSecond } = progress
  const percent = totalBytes === 0 ? 100 : Math.floor((bytes / totalBytes) * 100)
  const left = secondsLeft(progress)
  return `${formatSize(bytes)} of ${formatSize(totalBytes)} (${percent} %), ${formatSize(bytesPerSecond)}/s${left === undefined ? '' : `, ${formatSeconds(left)} left`}`
}

function secondsLeft({ bytes, totalBytes, bytesPerSecond }: Progress): number | undefined {
  return bytesPerSecond > 0 ? Math.ceil((totalBytes - bytes) / bytesPerSecond) : undefined
}

function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${seconds} s`
  return seconds < 3600 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`
}

const barWidth = 24

function drawBar({ bytes, totalBytes }: Progress): string {
  const done = totalBytes === 0 ? barWidth : Math.round((bytes / totalBytes) * barWidth)
  return `[${'#'.repeat(done)}${' '.repeat(barWidth - done)}]`
}
