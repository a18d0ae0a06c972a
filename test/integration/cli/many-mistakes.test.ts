/** A pod with more mistakes than are described: every command that reads manifests says how many more there are. */
import t from 'tap'
import { runShared } from './run-shared.ts'

t.setTimeout(300_000)

const directory = t.testdir({ 'config.yaml': '{}' })
const config = ['--config', `${directory}/config.yaml`]

/** Every container has no name. */
const malformed = manifestOf({ containers: Array.from({ length: 25 }, () => ({ image: 'app' })) }, {})
const misnamed = manifestOf(
  { containers: [{ name: 'app', image: 'app' }] },
  { 'models.example.io/containers': Array.from({ length: 130 }, (_, i) => `x${i}`).join(',') },
)

function manifestOf(spec: object, annotations: Readonly<Record<string, string>>): string {
  const metadata = { annotations: { 'models.example.io/source': 's3://models/llama/', ...annotations } }
  return JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'chat' },
    spec: { template: { metadata, spec } },
  })
}

const cases = [
  { stdin: malformed, said: 'and 5 more, not described: 5 InvalidPod' },
  { stdin: misnamed, said: 'and 30 more, not described: 30 UnknownContainer' },
] as const

for (const { stdin, said } of cases) {
  t.test(said, async (t) => {
    const commands = [
      ['inject', '-f', '-', ...config],
      ['policy', 'test', '-f', '-', ...config],
      ['policy', 'test', '-f', '-', '-o', 'junit', ...config],
      ['audit', '-f', '-', '-o', 'sarif', ...config],
      ['why', '-f', '-', ...config],
    ]
    for (const args of commands) {
      const { stdout, stderr } = await runShared(args, { stdin })
      t.match(`${stdout}${stderr}`.replace(/\s+/g, ' '), said, args.join(' '))
    }
  })
}

t.test('render says it of what it reads itself', async (t) => {
  const { code, stderr } = await runShared(['render', '-f', '-', ...config], { stdin: malformed })
  t.equal(code, 1)
  t.match(stderr, cases[0].said)
})
