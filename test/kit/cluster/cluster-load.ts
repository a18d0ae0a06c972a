/** Pods that are created at a steady rate, whatever becomes of them, and a record of what became of each. */
import { Agent, request, type RequestOptions } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeConfig } from '@kubernetes/client-node'
import type { ApiObject } from './api-client.ts'

export interface LoadOptions {
  readonly namespace: string
  readonly perSecond: number
  /** Serialized once; the API server names them. */
  readonly pods: readonly ApiObject[]
}

/** How the API server answered. */
export interface LoadResult {
  /** Stored with their model. */
  readonly injected: number
  /** Refused for a user's mistake. */
  readonly refused: number
  /** Stored without their model: what may never happen to an annotated pod. */
  readonly bare: number
  /** Not answered by the webhook; message and status, or the client's own error. */
  readonly lost: readonly string[]
  readonly sent: number
  readonly perSecond: number
  readonly seconds: number
  readonly medianMs: number
  readonly p99Ms: number
  readonly slowestMs: number
}

export interface RunningLoad {
  readonly sent: number
  /** Waits for the answers that are still to come. May be called more than once. */
  stop(): Promise<LoadResult>
}

interface Answer {
  readonly status: number
  readonly text: string
  readonly milliseconds: number
}

/**
 * Beyond this many open requests it waits, and the rate is what the machine makes: more of them at once would only wait for
 * each other in the API server, and be lost there because of that.
 */
const OPEN_REQUESTS = 16
const TICK_MILLISECONDS = 5

export async function startLoad(
  kubeConfig: KubeConfig,
  { namespace, perSecond, pods }: LoadOptions,
): Promise<RunningLoad> {
  const send = await sender(kubeConfig, `/api/v1/namespaces/${namespace}/pods`)
  const bodies = pods.map((pod) => JSON.stringify(pod))
  const answers: Answer[] = []
  const open = new Set<Promise<void>>()
  const state = { sent: 0, running: true }
  const startedAt = performance.now()
  const secondsSoFar = (): number => (performance.now() - startedAt) / 1000
  const sendOne = (): void => {
    const body = bodies[state.sent++ % bodies.length] ?? ''
    const sending = send(body).then((answer) => {
      answers.push(answer)
      open.delete(sending)
    })
    open.add(sending)
  }
  const run = async (): Promise<void> => {
    while (state.running) {
      while (state.sent < secondsSoFar() * perSecond && open.size < OPEN_REQUESTS) sendOne()
      await sleep(TICK_MILLISECONDS)
    }
  }
  const ran = run()
  const stop = async (): Promise<LoadResult> => {
    state.running = false
    await ran
    const seconds = secondsSoFar()
    await Promise.all(open)
    send.close()
    return summarize(answers, seconds)
  }
  let stopped: Promise<LoadResult> | undefined
  return {
    get sent() {
      return state.sent
    },
    stop: () => (stopped ??= stop()),
  }
}

interface Send {
  (body: string): Promise<Answer>
  close(): void
}

async function sender(kubeConfig: KubeConfig, path: string): Promise<Send> {
  const options: RequestOptions = {}
  await kubeConfig.applyToHTTPSOptions(options)
  const { ca, cert, key } = options
  const agent = new Agent({ keepAlive: true, maxSockets: OPEN_REQUESTS, ca, cert, key })
  const url = new URL(path, kubeConfig.getCurrentCluster()?.server)
  const send = (body: string): Promise<Answer> => exchange(url, agent, body)
  return Object.assign(send, {
    close: () => {
      agent.destroy()
    },
  })
}

function exchange(url: URL, agent: Agent, body: string): Promise<Answer> {
  const startedAt = performance.now()
  return new Promise((resolve) => {
    const end = (status: number, text: string): void => {
      resolve({ status, text, milliseconds: performance.now() - startedAt })
    }
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const sent = request(url, { method: 'POST', agent, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('error', (error) => {
        end(0, error.message)
      })
      response.once('end', () => {
        end(response.statusCode ?? 0, Buffer.concat(chunks).toString())
      })
    })
    sent.once('error', (error) => {
      end(0, error.message)
    })
    sent.end(body)
  })
}

function summarize(answers: readonly Answer[], seconds: number): LoadResult {
  const times = answers.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b)
  const at = (share: number): number =>
    Math.round(times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0)
  const stored = answers.filter(({ status }) => status === 201)
  const injected = stored.filter(({ text }) => hasModel(text)).length
  const refused = answers.filter(({ status }) => status === 422).length
  return {
    injected,
    refused,
    bare: stored.length - injected,
    lost: answers
      .filter(({ status }) => status !== 201 && status !== 422)
      .map(({ status, text }) => `${status} ${messageOf(text)}`),
    sent: answers.length,
    seconds: Math.round(seconds),
    perSecond: Math.round(answers.length / seconds),
    medianMs: at(0.5),
    p99Ms: at(0.99),
    slowestMs: at(1),
  }
}

/** The name of the init container, and not of anything that an app could have by itself. */
export function hasModel(pod: string): boolean {
  return pod.includes('"name":"model-loader"')
}

function messageOf(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text
  } catch {
    return text
  }
}

export function describeLoad({
  sent,
  perSecond,
  seconds,
  injected,
  refused,
  bare,
  lost,
  medianMs,
  p99Ms,
  slowestMs,
}: LoadResult): string {
  return (
    `${sent} pods in ${seconds} s, ${perSecond} per second: ${injected} injected, ${refused} refused for a mistake, ${lost.length} lost, ${bare} without their model; ` +
    `median ${medianMs} ms, p99 ${p99Ms} ms, slowest ${slowestMs} ms`
  )
}
