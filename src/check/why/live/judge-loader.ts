/** Judges a loader: waits, runs, has loaded, or why not. */
import type { ClusterPod } from '../../../cluster/objects.ts'
import type { ContainerEnd, ContainerStatus } from '../../../cluster/pod-status.ts'
import type { WaitingObstacle } from '../../pod-waiting.ts'
import { withCommands } from '../../../diagnosis/finding.ts'
import { containerLogs, describeObject } from '../../../diagnosis/kubectl-commands.ts'
import { exits, exitWithCode, readFailureLine } from '../../../loader/exit-codes.ts'
import { quoteWord } from '../../../values/shell.ts'
import {
  describeEnd,
  describeObstruction,
  describeRestarts,
  describeRuns,
  durationOf,
  isOutOfMemory,
  lastEndOf,
  shownMessage,
  nameLoaderEnd,
  obstructionOf,
} from './container-end.ts'
import { error, ok, warning } from './live-checks.ts'
import type { Aspect } from './live-state.ts'
import type { Notice } from './pod-events.ts'

interface JudgedLoader {
  readonly pod: ClusterPod
  /** Its name. */
  readonly loader: string
  readonly status: ContainerStatus | undefined
  readonly notices: readonly Notice[]
}

export function judgeLoader(judged: JudgedLoader): Aspect {
  const { status } = judged
  if (status === undefined) return describeStart(judged)
  const finished = status.state?.terminated
  if (finished?.exitCode === 0) return describeLoaded(judged, status, finished)
  const obstacle = obstructionOf(status)
  if (obstacle !== undefined) return describeObstructedLoader(judged, status, obstacle)
  const end = lastEndOf(status)
  return end === undefined || end.exitCode === 0 ? describeStart(judged) : describeFailure(judged, status, end)
}

/** A loader with `--verify` checks a model that is on its volume already. */
interface LoaderWork {
  readonly done: string
  readonly brief: string
  readonly doing: string
}

const loads: LoaderWork = { done: 'loaded', brief: 'its model is loaded', doing: 'loading' }
const verifies: LoaderWork = { done: 'checked', brief: 'its model is there', doing: 'checking the model' }

function workOf({ pod, loader }: JudgedLoader): LoaderWork {
  const container = pod.spec.initContainers?.find(({ name }) => name === loader)
  return container?.args?.includes('--verify') === true ? verifies : loads
}

function describeLoaded(judged: JudgedLoader, status: ContainerStatus, end: ContainerEnd): Aspect {
  const { done, brief } = workOf(judged)
  const duration = durationOf(end)
  const took = duration === undefined ? done : `${done} in ${duration}`
  return {
    health: 'good',
    brief,
    finding: ok('pod-loader', `${judged.loader}: ${took}${describeRestarts(status)}`),
  }
}

function describeStart(judged: JudgedLoader): Aspect {
  const { loader, status, notices } = judged
  if (status?.state?.running !== undefined) return describeWork(judged, status.state.running.startedAt)
  const pull = pullOf(loader, notices)
  if (pull !== undefined) {
    return {
      health: 'starting',
      brief: 'the image of its loader is being pulled',
      finding: ok(
        'pod-loader',
        `${loader}: ${shownMessage(pull.message) ?? 'its image is being pulled'}, since ${pull.at}`,
      ),
    }
  }
  return {
    health: 'starting',
    brief: 'its loader has not started yet',
    finding: ok('pod-loader', `${loader}: has not started yet`),
  }
}

/** Its log says how far it is. */
function describeWork(judged: JudgedLoader, since: string | undefined): Aspect {
  const { pod, loader } = judged
  const { doing } = workOf(judged)
  const { name, namespace = 'default' } = pod.metadata
  const finding = ok('pod-loader', `${loader}: ${doing}${since === undefined ? '' : ` since ${since}`}`)
  const logs = containerLogs({ name, namespace, container: loader, previous: false })
  return { health: 'starting', brief: `its loader is ${doing}`, finding: withCommands(finding, logs) }
}

/** The newest notice about the image, if it is the one of the beginning. */
function pullOf(container: string, notices: readonly Notice[]): Notice | undefined {
  const newest = notices.find((notice) => notice.container === container && /^(?:Pull|Fail|Back)/.test(notice.reason))
  return newest?.reason === 'Pulling' ? newest : undefined
}

function describeObstructedLoader(
  { pod, loader }: JudgedLoader,
  status: ContainerStatus,
  obstacle: WaitingObstacle,
): Aspect {
  const what = `${loader}: ${describeObstruction(obstacle, status)}`
  const remedy =
    obstacle.kind === 'image'
      ? "let the nodes reach the registry, with loader.imagePullSecrets of the operator's configuration if it wants a login; or correct the image of the loader"
      : 'create or correct what the message names, then recreate the pod'
  return {
    health: 'wrong',
    brief: `its loader cannot start: ${obstacle.reason}`,
    finding: withCommands(error('pod-loader', what, remedy), describePod(pod)),
  }
}

function describeFailure({ pod, loader }: JudgedLoader, status: ContainerStatus, end: ContainerEnd): Aspect {
  const name = nameLoaderEnd(end)
  const told = readFailureLine(end.message ?? '')
  const what = `${loader}: ${describeRuns(status)} with ${describeEnd(end, name, told?.finding ?? shownMessage(end.message))}`
  const commands = commandsFor(pod, loader, end, status)
  const remedy = remedyOf(end, told?.remedy)
  return mayHeal(status, end)
    ? {
        health: 'starting',
        brief: `its loader tries again: ${name}`,
        finding: withCommands(warning('pod-loader', what, remedy), ...commands),
      }
    : {
        health: 'wrong',
        brief: `its loader fails: ${name}`,
        finding: withCommands(error('pod-loader', what, remedy), ...commands),
      }
}

/** A loader that runs again after an end that may heal is no error yet. */
function mayHeal({ state }: ContainerStatus, { exitCode }: ContainerEnd): boolean {
  return state?.running !== undefined && exitWithCode(exitCode)?.heals === true
}

function remedyOf(end: ContainerEnd, told: string | undefined): string {
  if (told !== undefined) return told
  if (isOutOfMemory(end)) return 'give the loader more memory with the annotation memory'
  return exitWithCode(end.exitCode)?.remedy ?? 'see the log of the loader'
}

const accessExits: readonly number[] = [exits.Denied.code, exits.NoCredentials.code, exits.NoIdentity.code]

function commandsFor(
  pod: ClusterPod,
  loader: string,
  { exitCode }: ContainerEnd,
  status: ContainerStatus,
): readonly string[] {
  const { name, namespace = 'default' } = pod.metadata
  const account = quoteWord(`${namespace}/${pod.spec.serviceAccountName ?? 'default'}`)
  return [
    ...(accessExits.includes(exitCode) ? [`model-injector check --identity ${account}`] : []),
    containerLogs({ name, namespace, container: loader, previous: status.state?.running !== undefined }),
  ]
}

export function describePod({ metadata: { name, namespace } }: ClusterPod): string {
  return describeObject({ kind: 'pod', name, namespace })
}
