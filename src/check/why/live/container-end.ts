/** How containers wait and end, in words. */
import { exitWithCode } from '../../../loader/exit-codes.ts'
import type { ContainerEnd, ContainerStatus } from '../../../cluster/pod-status.ts'
import { waitingObstacle, type WaitingObstacle } from '../../pod-waiting.ts'
import { formatAge } from '../../../values/duration.ts'
import { singleLine, shorten } from '../../../values/print/printable.ts'

/** Reasons that keep a container from starting at all, as a crash loop does not. */
export function obstructionOf(status: ContainerStatus): WaitingObstacle | undefined {
  const obstacle = waitingObstacle(status)
  return obstacle?.kind === 'crash' ? undefined : obstacle
}

/** `ImagePullBackOff after 1 restart: the message`. */
export function describeObstruction({ reason, message }: WaitingObstacle, status: ContainerStatus): string {
  const text = shownMessage(message)
  return `${reason}${describeRestarts(status)}${text === undefined ? '' : `: ${text}`}`
}

/** The last end, of this run or of the one before. */
export function lastEndOf(status: ContainerStatus | undefined): ContainerEnd | undefined {
  return status?.state?.terminated ?? status?.lastState?.terminated
}

export function hasStarted({ state, lastState }: ContainerStatus): boolean {
  return state?.running !== undefined || state?.terminated !== undefined || lastState?.terminated !== undefined
}

/** `access denied (exit 10)`, `OOMKilled (exit 137)`. */
export function nameLoaderEnd(end: ContainerEnd): string {
  return isOutOfMemory(end)
    ? nameEnd(end)
    : `${exitWithCode(end.exitCode)?.summary ?? reasonOf(end)} (exit ${end.exitCode})`
}

export function nameEnd(end: ContainerEnd): string {
  return `${reasonOf(end)} (exit ${end.exitCode})`
}

export function isOutOfMemory({ reason }: ContainerEnd): boolean {
  return reason === 'OOMKilled'
}

function reasonOf({ reason, exitCode, signal }: ContainerEnd): string {
  if (reason !== undefined && reason !== 'Error') return reason
  if (signal !== undefined && signal > 0) return `ended by signal ${signal}`
  return exitCode === 137 ? 'killed' : exitCode === 143 ? 'terminated' : 'an error'
}

/** Messages may be the last 80 lines of a log. */
const longestMessage = 1500

export function shownMessage(text: string | undefined): string | undefined {
  const line = shorten(singleLine(text ?? ''), longestMessage)
  return line === '' ? undefined : line
}

/** `12 s`; undefined if the kubelet did not say. */
export function durationOf({ startedAt, finishedAt }: ContainerEnd): string | undefined {
  const seconds = (Date.parse(finishedAt ?? '') - Date.parse(startedAt ?? '')) / 1000
  if (!(seconds >= 0)) return undefined
  return seconds < 600 ? `${Math.max(1, Math.round(seconds))} s` : formatAge(seconds)
}

/** `after 3 restarts`. */
export function describeRestarts({ restartCount = 0 }: ContainerStatus): string {
  return restartCount === 0 ? '' : ` after ${restartCount} restart${restartCount === 1 ? '' : 's'}`
}

/** `CrashLoopBackOff after 5 restarts; the last run ended`. */
export function describeRuns(status: ContainerStatus): string {
  const { state } = status
  const now = state?.running === undefined ? state?.waiting?.reason : 'runs again'
  const restarts = describeRestarts(status)
  return now === undefined ? `ended${restarts}` : `${now}${restarts}; the last run ended`
}

/** `access denied (exit 10) after 3 s: the message`. */
export function describeEnd(end: ContainerEnd, name: string, message: string | undefined): string {
  const duration = durationOf(end)
  return `${name}${duration === undefined ? '' : ` after ${duration}`}${message === undefined ? '' : `: ${message}`}`
}
