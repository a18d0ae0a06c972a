/** Signs and sends small requests, and tries again what may heal: with new credentials, without optional headers, or later. */
import { problemOfAnswer } from './answer-problem.ts'
import { S3Connections, type Answer, type SmallRequest } from './connections.ts'
import type { Head } from './http/response.ts'
import { buildRequest, writeRequest, type RequestTarget } from './http/request.ts'
import type { Headers } from './http/sign.ts'
import type { BucketLocation } from './location.ts'
import { mayHeal, meaningOf } from './meaning.ts'
import { problemOfError } from './network-problem.ts'
import { originOf, type S3Credentials } from './origin.ts'
import { askPatiently, usualBackoff, type TryResult } from './patience.ts'
import { S3Error, type S3Problem } from './s3-error.ts'

export interface SenderOptions {
  readonly locate: (bucket: string) => BucketLocation
  /** Undefined for anonymous access: requests are not signed. */
  readonly credentials: ((refresh: boolean) => Promise<S3Credentials>) | undefined
  readonly signal: AbortSignal
  /** Time in which a request is tried again. */
  readonly patienceMs: number
  /** Called before each pause. */
  readonly onProblem?: (problem: string) => void
}

export interface Question extends Omit<SmallRequest, 'text'> {
  readonly target: RequestTarget
  /** Headers without which the server is asked once more where it refuses them. */
  readonly optional?: Headers
  /** Finds an error in a success. */
  readonly problemIn?: (answer: Answer) => Head | undefined
}

interface Attempt {
  refreshed: boolean
}

export class Sender {
  readonly #options: SenderOptions
  readonly #connections = new Map<string, S3Connections>()
  /** Optional headers that a server has refused. */
  readonly #refused = new Set<string>()
  #isClosed = false

  constructor(options: SenderOptions) {
    this.#options = options
    options.signal.addEventListener('abort', this.close, { once: true })
  }

  /** Throws an S3Error, an error of the credentials, or the reason of the signal. */
  async send(bucket: string, question: Question): Promise<Answer> {
    const { signal, patienceMs, onProblem = (): void => undefined } = this.#options
    const attempt: Attempt = { refreshed: false }
    const asked = await askPatiently(() => this.#try(bucket, question, attempt), {
      ...usualBackoff,
      patienceMs,
      signal,
      onProblem: ({ message }: S3Problem) => {
        onProblem(message)
      },
    })
    if (asked.ok) return asked.value
    throw new S3Error(asked.problem)
  }

  readonly close = (): void => {
    this.#isClosed = true
    this.#options.signal.removeEventListener('abort', this.close)
    for (const connections of this.#connections.values()) connections.close()
  }

  async #try(bucket: string, question: Question, attempt: Attempt): Promise<TryResult<Answer, S3Problem>> {
    const optional = this.#optionalOf(question)
    const asked = await this.#askOnce(bucket, question, optional)
    if (asked.ok) return asked
    const { problem } = asked
    if (problem.kind === 'refused' && Object.keys(optional).length > 0) {
      for (const name of Object.keys(optional)) this.#refused.add(name)
      return this.#try(bucket, question, attempt)
    }
    if (meaningOf(problem.kind).reaction === 'refresh' && !attempt.refreshed && this.#options.credentials) {
      attempt.refreshed = true
      await this.#options.credentials(true)
      return this.#try(bucket, question, attempt)
    }
    if (mayHeal(problem.kind)) return asked
    throw new S3Error(problem)
  }

  #optionalOf({ optional = {} }: Question): Headers {
    return Object.fromEntries(Object.entries(optional).filter(([name]) => !this.#refused.has(name)))
  }

  async #askOnce(
    bucket: string,
    { target, mostBytes, tooLong, problemIn }: Question,
    optional: Headers,
  ): Promise<TryResult<Answer, S3Problem>> {
    const { locate, signal } = this.#options
    const location = locate(bucket)
    const origin = originOf(location)
    const credentials = await this.#options.credentials?.(false)
    const request = { ...target, headers: { ...target.headers, ...optional } }
    const text = writeRequest(buildRequest(request, origin, { region: location.region, credentials }))
    signal.throwIfAborted()
    try {
      const answer = await this.#connectionsTo(location).ask({ text, mostBytes, tooLong })
      const head = answer.isSuccess ? problemIn?.(answer) : answer.head
      if (head === undefined) return { ok: true, value: answer }
      return { ok: false, problem: problemOfAnswer({ head, text: answer.body.toString() }, location.region) }
    } catch (error) {
      signal.throwIfAborted()
      if (this.#isClosed || error instanceof RangeError || error instanceof S3Error) throw error
      return { ok: false, problem: problemOfError(error) }
    }
  }

  #connectionsTo(location: BucketLocation): S3Connections {
    if (this.#isClosed) throw new Error('the client of S3 is closed')
    const { protocol, host, port } = location
    const name = `${protocol}//${host}:${port}`
    const known = this.#connections.get(name)
    if (known !== undefined) return known
    const made = new S3Connections(originOf(location))
    this.#connections.set(name, made)
    return made
  }
}
