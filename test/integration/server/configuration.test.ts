import { join } from 'node:path'
import t from 'tap'
import { parseConfig } from '../../../src/config/parse-config.ts'
import { startServer } from '../../../src/server/start-server.ts'
import { post } from '../../kit/webhook/https-client.ts'
import { mountDirectory, temporaryDirectory } from '../../kit/webhook/mounted-directory.ts'
import { manyRules } from '../../kit/webhook/large-configuration.ts'
import { annotatedManifest, reviewOf } from '../../kit/webhook/reviews.ts'
import { runServer, type ServerUnderTest } from '../../kit/webhook/running-server.ts'
import { captureLog, shiftedClock } from '../../kit/webhook/server-kit.ts'

const permissive = ''
const strict = 'policy:\n  rules:\n    - name: nobody\n      namespaces: [other]\n'
const bad = 'polices: {}\ndefaults:\n  size: 3Gi\nopenshift: perhaps\n'
const pinned = `defaults:\n  image: registry.example.com/injector@sha256:${'a'.repeat(64)}\n`

const reloads = (result: string): string => `model_injector_config_reloads_total{result="${result}"}`

t.test('a changed configuration file', async (t) => {
  const directory = await temporaryDirectory(t)
  const mounted = await mountDirectory(directory, 'config', { 'config.yaml': permissive })
  const server = await runServer(t, { configFile: join(mounted.path, 'config.yaml') })

  await t.test('is read at the start', async (t) => {
    t.equal(await allowed(server), true)
    t.equal(await server.metric(`model_injector_config_info{hash="${hashOf(permissive)}"}`), 1)
    t.equal(await server.metric('model_injector_config_reload_ok'), 1)
    t.equal(await server.metric(reloads('success')), 0)
  })
  await t.test('shapes the next admission, and the only series of the hash', async (t) => {
    await mounted.swap({ 'config.yaml': strict })
    await server.waitForMetric(reloads('success'), 1)
    t.equal(await allowed(server), false)
    t.equal(await server.metric(`model_injector_config_info{hash="${hashOf(strict)}"}`), 1)
    t.equal(await server.metric(`model_injector_config_info{hash="${hashOf(permissive)}"}`), undefined)
  })
  await t.test(
    'is refused if it is bad: the old one stays, the metric shows it, and one line of the log has all problems',
    async (t) => {
      server.clock.shiftMs = 3_600_000
      await mounted.swap({ 'config.yaml': bad })
      await server.waitForMetric('model_injector_config_reload_ok', 0)
      t.equal(await allowed(server), false)
      t.equal(await server.metric(`model_injector_config_info{hash="${hashOf(strict)}"}`), 1)
      const time = await server.metric('model_injector_config_last_reload_success_timestamp_seconds')
      t.ok(Math.abs(Date.now() / 1000 - time!) < 60, 'the time is that of the last good one')
      const [line, ...others] = server.log.lines.filter(({ msg }) => msg === 'configuration refused')
      t.match(line, { level: 50, problems: [/polices/, /openshift/] })
      t.strictSame(others, [])
      server.clock.shiftMs = 0
    },
  )
  await t.test('is taken again when it has been corrected', async (t) => {
    await mounted.swap({ 'config.yaml': permissive })
    await server.waitForMetric('model_injector_config_reload_ok', 1)
    t.equal(await allowed(server), true)
    t.equal(await server.metric(reloads('failure')), 1)
    t.equal(await server.metric(reloads('success')), 2)
  })
  await t.test('that disappears is a bad one', async (t) => {
    await mounted.swap({})
    await server.waitForMetric('model_injector_config_reload_ok', 0)
    t.equal(await allowed(server), true)
  })
})

t.test('admissions are answered while a configuration of 20,000 rules is read', async (t) => {
  const mounted = await mountDirectory(await temporaryDirectory(t), 'config', { 'config.yaml': strict })
  const server = await runServer(t, { configFile: join(mounted.path, 'config.yaml') }, captureLog('debug'))
  for (const [what, lastLine, end] of [
    ['taken', '', 'configuration reloaded'],
    ['refused', 'polices: {}', 'configuration refused'],
  ] as const) {
    await t.test(`that is then ${what}`, async (t) => {
      server.log.lines.length = 0
      await mounted.swap({ 'config.yaml': manyRules(20_000, lastLine) })
      const indexOf = (msg: string): number => server.log.lines.findIndex((line) => line.msg === msg)
      while (indexOf(end) === -1) await allowed(server)
      const begin = indexOf('reading the changed configuration')
      const meanwhile = server.log.lines.slice(begin, indexOf(end)).filter(({ msg }) => msg === 'admission')
      t.comment(`${meanwhile.length} admissions meanwhile`)
      t.ok(meanwhile.length >= 50, `${meanwhile.length} admissions meanwhile`)
      t.equal(await allowed(server), false)
    })
  }
})

t.test('a loader image that is not pinned by digest is warned about at the start', async (t) => {
  const server = await runServer(t)
  t.match(
    server.log.lines.filter(({ msg }) => msg.includes('not pinned')),
    [{ level: 40, image: /^model-injector:/ }],
  )
})

t.test('a configuration read again keeps the image that the webhook was started with', async (t) => {
  const mounted = await mountDirectory(await temporaryDirectory(t), 'config', { 'config.yaml': permissive })
  const server = await runServer(t, { configFile: join(mounted.path, 'config.yaml'), loaderImage: 'own:1' })
  t.match(await patchOf(server), '"image":"own:1"')
  await mounted.swap({ 'config.yaml': 'defaults: {memory: 1Gi}\n' })
  await server.waitForMetric(reloads('success'), 1)
  t.match(await patchOf(server), '"image":"own:1"')
  await mounted.swap({ 'config.yaml': pinned })
  await server.waitForMetric(reloads('success'), 2)
  t.match(await patchOf(server), '"image":"registry.example.com/injector@sha256:')
})

t.test('a pinned loader image is not warned about', async (t) => {
  const mounted = await mountDirectory(await temporaryDirectory(t), 'config', { 'config.yaml': pinned })
  const server = await runServer(t, { configFile: join(mounted.path, 'config.yaml') })
  t.strictSame(
    server.log.lines.filter(({ level }) => level >= 40),
    [],
  )
})

for (const [what, content, error] of [
  ['bad', bad, { code: 'ConfigurationInvalid', message: /polices[^]*openshift/ }],
  ['missing', undefined, { code: 'ConfigurationUnreadable', message: /config\.yaml cannot be read/ }],
] as const) {
  t.test(`with a ${what} configuration file the server does not start, and listens nowhere`, async (t) => {
    const mounted = await mountDirectory(
      await temporaryDirectory(t),
      'config',
      content === undefined ? {} : { 'config.yaml': content },
    )
    const log = captureLog()
    const starting = startServer(
      {
        configFile: join(mounted.path, 'config.yaml'),
        tlsDirectory: mounted.path,
        address: '127.0.0.1',
        port: 0,
        healthPort: 0,
        minVersion: 'TLSv1.3',
        drainSeconds: 0,
      },
      { logger: log.logger, clock: shiftedClock() },
    )
    await t.rejects(starting, error)
    t.strictSame(log.lines, [])
  })
}

async function patchOf({ port, pki }: ServerUnderTest): Promise<string> {
  const { body } = await post({ port, ca: pki.ca, agent: false }, reviewOf(annotatedManifest()))
  return Buffer.from((JSON.parse(body) as { response: { patch: string } }).response.patch, 'base64').toString()
}

async function allowed({ port, pki }: ServerUnderTest): Promise<boolean> {
  const { body } = await post({ port, ca: pki.ca, agent: false }, reviewOf(annotatedManifest()))
  return (JSON.parse(body) as { response: { allowed: boolean } }).response.allowed
}

function hashOf(text: string): string {
  const result = parseConfig(text)
  return result.ok ? result.config.hash : ''
}
