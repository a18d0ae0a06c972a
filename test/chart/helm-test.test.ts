/** The script that `helm test` runs in its pod, here against the webhook as a process. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { objectOf, renderChart, valueIn } from '../kit/tools/helm.ts'
import { waitFor } from '../kit/tools/wait-for.ts'
import { startWebhook } from '../kit/webhook/webhook-process.ts'

// Helm runs again for each case: a tenth of a second when the machine is idle.
t.setTimeout(5 * 60 * 1000)

interface Run {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

t.test('with a running webhook', async (t) => {
  const directory = t.testdir({ ours: {}, other: {} })
  const webhook = await startWebhook(`${directory}/ours`)
  t.teardown(() => webhook.stop())
  const other = await startWebhook(
    `${directory}/other`,
    'annotationPrefix: ml.example.com/\npolicy: { rules: [{ name: none, namespaces: [none] }] }\n',
  )
  t.teardown(() => other.stop())
  const caFile = `${directory}/ca.crt`
  await writeFile(caFile, webhook.caCertificate)
  const target = {
    WEBHOOK_URL: webhook.url,
    READY_URL: `${webhook.healthUrl}/readyz`,
    ANNOTATION_PREFIX: 'models.example.io/',
  }

  await t.test('it passes with the CA of a file, as cert-manager delivers it', async (t) => {
    const { code, stdout } = await runTest({ ...target, CA_FILE: caFile })
    t.equal(code, 0)
    t.match(stdout, /answers, and denies as it should:\n.*models\.example\.io\/source/s)
  })
  await t.test('it passes with the CA of the values', async (t) => {
    t.match(await runTest({ ...target, CA_BUNDLE: webhook.caCertificate }), { code: 0 })
  })
  await t.test('it passes with another prefix and a policy that allows nothing', async (t) => {
    t.match(
      await runTest({
        WEBHOOK_URL: other.url,
        READY_URL: `${other.healthUrl}/readyz`,
        ANNOTATION_PREFIX: 'ml.example.com/',
        CA_BUNDLE: other.caCertificate,
      }),
      { code: 0 },
    )
  })
  await t.test('it leaves its one admission in the log, as a dry run that was denied', async (t) => {
    const before = webhook.admissions().length
    await runTest({ ...target, CA_FILE: caFile })
    // The answer is sent before its line is read.
    const lines = await waitFor('its admission in the log', () =>
      Promise.resolve(webhook.admissions().length > before ? webhook.admissions().slice(before) : undefined),
    )
    t.match(lines, [{ outcome: 'denied', pod: 'helm-test' }])
  })

  const failures: readonly (readonly [what: string, env: Record<string, string>, says: RegExp])[] = [
    ['the certificate is of another CA', { ...target, CA_BUNDLE: other.caCertificate }, /certificate|SIGNATURE/i],
    [
      'there is no CA and the certificate is not publicly trusted',
      { ...target, CA_FILE: `${directory}/none` },
      /certificate/i,
    ],
    [
      'the webhook has another prefix',
      { ...target, ANNOTATION_PREFIX: 'ml.example.com/', CA_FILE: caFile },
      /is not denied/,
    ],
    ['nothing listens', { ...target, WEBHOOK_URL: 'https://127.0.0.1:9/mutate', CA_FILE: caFile }, /ECONNREFUSED/],
    ['the webhook is not ready', { ...target, READY_URL: `${webhook.healthUrl}/none`, CA_FILE: caFile }, /answers 404/],
    [
      'something else answers',
      { ...target, WEBHOOK_URL: webhook.url.replace('/mutate', '/other'), CA_FILE: caFile },
      /answers 404/,
    ],
  ]
  for (const [what, env, says] of failures) {
    await t.test(`it fails where ${what}`, async (t) => {
      const { code, stderr } = await runTest(env)
      t.equal(code, 1)
      t.match(stderr, says)
    })
  }
})

/** One attempt; a pod makes thirty. */
async function runTest(env: Readonly<Record<string, string>>): Promise<Run> {
  const args = valueIn(objectOf(await renderChart({}, { hooks: true }), 'Pod'), 'spec.containers.0.args') as string[]
  const child = spawn(process.execPath, args, { env: { ...env, ATTEMPTS: '1' }, stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ])
  return { code, stdout, stderr }
}
