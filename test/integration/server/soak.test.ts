/**
 * Everything at once and again and again: valid, invalid and hostile requests, slow and silent clients, garbage instead of TLS, changes of
 * certificate and configuration. Nothing crashes, nothing leaks, and no valid request gets a wrong answer. `make soak` goes on for
 * half an hour.
 */
import { once } from 'node:events'
import { rename, writeFile } from 'node:fs/promises'
import { connect as connectPlain, type Socket } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { admit } from '../../../src/admission/admit.ts'
import { readReview } from '../../../src/admission/review.ts'
import type { Config } from '../../../src/config/config.ts'
import { parseConfig } from '../../../src/config/parse-config.ts'
import { pseudoRandomBytes } from '../../kit/tools/pseudo-random.ts'
import { waitFor } from '../../kit/tools/wait-for.ts'
import { podFrom, randomRecipe, scaled, seededRandom } from '../../kit/webhook/bad-pod-recipes.ts'
import { connectTls, get, keptAliveAgent, post, type HttpsAnswer } from '../../kit/webhook/https-client.ts'
import { manyRules } from '../../kit/webhook/large-configuration.ts'
import { temporaryDirectory } from '../../kit/webhook/mounted-directory.ts'
import { annotatedManifest, plainPod, reviewOf } from '../../kit/webhook/reviews.ts'
import { readMetric } from '../../kit/webhook/server-kit.ts'
import { startWebhook, writeCertificates, type WebhookProcess } from '../../kit/webhook/webhook-process.ts'

const minutes = Number(process.env.SOAK_MINUTES ?? 0)
/** At least so many. */
const leastRounds = 30
const validEach = 20
/** Errors of the bad configurations, and of a certificate that was read before its key was written. */
const refusals = ['configuration refused', 'certificate refused']
/** The least memory that the chart gives is 512Mi. A short run is all warming up, which hides a leak. */
const mostMiB = 460
/** Above the level that the middle third reached: garbage that was not collected yet. */
const marginMiB = 48
t.setTimeout((minutes + 15) * 60_000)

const rule = 'policy:\n  rules:\n    - name: all\n      namespaces: ["*"]\n'
/** Each is in force for some rounds, whatever comes between them. */
const configurations = [
  rule,
  `${rule}defaults:\n  memory: 1Gi\n`,
  manyRules(1000, rule.split('\n').slice(2).join('\n')),
]
const badConfigurations = ['polices: {}\n', 'a: [', manyRules(1000, 'openshift: perhaps')]

const validPods = [
  annotatedManifest(),
  plainPod(),
  annotatedManifest({ 'models.example.io/size': 'huge' }),
  annotatedManifest({ 'models.example.io/source.b': 'pvc://claim', 'models.example.io/mount-path': '/models/a' }),
]

t.test('nothing crashes, leaks or is answered wrongly', async (t) => {
  const directory = await temporaryDirectory(t)
  const webhook = await startWebhook(directory, configurations[0], { keepsErrorsOnly: true })
  t.teardown(() => webhook.stop())
  const run = new SoakRun(webhook, directory)
  const begin = await run.measure()
  const end = performance.now() + minutes * 60_000
  const resident: number[] = []
  for (let round = 0; round < leastRounds || performance.now() < end; round++) {
    await run.runRound(round)
    resident.push((await run.measure()).residentMiB)
  }
  run.endClients()
  t.comment(`${resident.length} rounds, ${run.answered} valid requests; MiB: ${thirds(resident).join(', ')}`)
  t.strictSame(run.wrong, [], 'no wrong answer')
  t.strictSame(
    webhook.errors().filter(({ msg }) => !refusals.includes(String(msg))),
    [],
    'no error in the log',
  )
  const [, middle = 0, last = 0] = thirds(resident)
  t.ok(last <= (minutes < 5 ? mostMiB : middle + marginMiB), `memory stays: ${thirds(resident).join(', ')} MiB`)
  await waitFor('connections to be closed', async () =>
    (await run.measure()).openFiles <= begin.openFiles + 2 ? true : undefined,
  )
})

/** The most in each third. */
function thirds(values: readonly number[]): readonly number[] {
  const size = Math.ceil(values.length / 3)
  return [0, 1, 2].map((i) => Math.round(Math.max(...values.slice(i * size, (i + 1) * size))))
}

interface Measured {
  readonly residentMiB: number
  readonly openFiles: number
}

class SoakRun {
  readonly wrong: string[] = []
  answered = 0
  readonly #port: number
  readonly #webhook: WebhookProcess
  readonly #directory: string
  readonly #random = seededRandom(1)
  readonly #expected = validPods.map((pod) => configurations.map((text) => answerTo(pod, read(text))))
  readonly #agent
  /** They end two rounds later. */
  #clients: Socket[] = []
  #earlierClients: Socket[] = []

  constructor(webhook: WebhookProcess, directory: string) {
    this.#webhook = webhook
    this.#directory = directory
    this.#port = Number(new URL(webhook.url).port)
    this.#agent = keptAliveAgent({ rejectUnauthorized: false })
  }

  async runRound(round: number): Promise<void> {
    this.#endEarlier()
    await this.#change(round)
    await Promise.all([this.#sendValid(), this.#sendInvalid(), this.#sendHostile(), this.#misbehave(round)])
  }

  async measure(): Promise<Measured> {
    const text = (await get(Number(new URL(this.#webhook.healthUrl).port), '/metrics')).body
    const valueOf = (name: string): number => readMetric(text, name) ?? NaN
    return {
      residentMiB: valueOf('process_resident_memory_bytes') / 2 ** 20,
      openFiles: valueOf('process_open_fds'),
    }
  }

  endClients(): void {
    this.#endEarlier()
    this.#endEarlier()
    this.#agent.destroy()
  }

  #endEarlier(): void {
    for (const client of this.#earlierClients) client.destroy()
    this.#earlierClients = this.#clients
    this.#clients = []
  }

  /** By a rename, so that nothing half written is read. */
  async #change(round: number): Promise<void> {
    const configuration =
      round % 2 === 0
        ? configurations[(round / 2) % configurations.length]
        : badConfigurations[round % badConfigurations.length]
    await writeFile(join(this.#directory, 'next.yaml'), configuration ?? '')
    await rename(join(this.#directory, 'next.yaml'), join(this.#directory, 'config.yaml'))
    if (round % 10 === 5) await writeCertificates(this.#directory)
  }

  /** Half of them over a connection that is kept, half each over its own. */
  async #sendValid(): Promise<void> {
    for (let i = 0; i < validEach; i++) {
      const at = i % validPods.length
      const answer = await this.#post(JSON.stringify(reviewOf(validPods[at])), i % 2 === 0 ? this.#agent : false)
      this.answered++
      if (answer.statusCode !== 200 || !this.#expected[at]!.includes(answer.body)) {
        this.wrong.push(`${answer.statusCode} ${answer.body.slice(0, 1000)}`)
      }
    }
  }

  async #sendInvalid(): Promise<void> {
    for (const body of ['', '{', 'null', '{"kind":"AdmissionReview"}', '['.repeat(100_000), 'x'.repeat(8_000_000)]) {
      const { statusCode } = await this.#post(body, false)
      if (statusCode !== 400 && statusCode !== 413) this.wrong.push(`${statusCode} to ${body.slice(0, 40)}`)
    }
  }

  async #sendHostile(): Promise<void> {
    for (let i = 0; i < 5; i++) {
      const pod = podFrom(scaled(randomRecipe(this.#random), 0.3))
      const { statusCode } = await this.#post(JSON.stringify(reviewOf(pod)), false)
      if (statusCode !== 200 && statusCode !== 413) this.wrong.push(`${statusCode} to a hostile pod`)
    }
  }

  async #misbehave(round: number): Promise<void> {
    const target = { port: this.#port, rejectUnauthorized: false }
    const slow = await connectTls(target)
    slow.write('POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{')
    const clients = [slow, await connectTls(target), await this.#connectPlain(), await this.#connectPlain()]
    for (const client of clients) client.on('error', () => undefined)
    clients[3]!.end(pseudoRandomBytes(`round ${round}`, 0, 4096))
    this.#clients.push(...clients)
    const reset = await this.#connectPlain()
    reset.resetAndDestroy()
  }

  async #connectPlain(): Promise<Socket> {
    const socket = connectPlain({ host: '127.0.0.1', port: this.#port })
    await once(socket, 'connect')
    return socket
  }

  #post(body: string, agent: ReturnType<typeof keptAliveAgent> | false): Promise<HttpsAnswer> {
    return post({ port: this.#port, agent, rejectUnauthorized: false }, body)
  }
}

function answerTo(pod: unknown, config: Config): string {
  const review = readReview(reviewOf(pod))
  if (!review.ok) throw new Error(review.problem)
  return JSON.stringify(admit(review.request, config).review)
}

function read(text: string): Config {
  const result = parseConfig(text)
  if (!result.ok) throw new Error(result.problems.join('\n'))
  return result.config
}
