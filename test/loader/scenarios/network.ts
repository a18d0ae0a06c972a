/** The network of a company between a loader and S3: a proxy, and a server with a certificate of the company's own. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { startConnectProxy, type ConnectProxy } from '../../kit/s3/connect-proxy.ts'
import { endsWith } from '../../kit/s3/loader-end.ts'
import { holdsModel, holdsNothing, type Stage } from '../../kit/s3/loader-world.ts'
import { inNetworkNamespace } from '../../kit/tools/network-namespace.ts'
import { requireRoot } from '../../kit/tools/private-mounts.ts'
import { itsBlock, otherBlock, type ProxiedAddressResult } from '../proxied-address.ts'
import type { Scenario } from './scenario.ts'

/** The certificate of the test's server has it; no resolver knows it. */
const onlyKnownToTheProxy = 's3.example.test'

export const network: readonly Scenario[] = [
  {
    name: 'a server whose certificate only the operator trusts is trusted by what the operator gave',
    run: async (t, stage) => {
      await putModel(stage)
      const authorities = await readFile(stage.world.proxy.caCertificateFile ?? '', 'utf8')
      const untrusted = { NODE_EXTRA_CA_CERTS: '/dev/null', SSL_CERT_FILE: '/dev/null' }
      endsWith(
        t,
        await stage.run(untrusted),
        11,
        /TLS: .*; check the endpoint; for a certificate of your own, an operator sets loader\.caCertificates/,
      )
      await holdsNothing(t, stage)
      endsWith(t, await stage.run({ ...untrusted, MODEL_CA_CERTIFICATES: `# of the company\n${authorities}` }), 0)
      await holdsModel(t, stage)
    },
  },
  {
    name: 'a model is loaded through the proxy, and nothing goes past it',
    run: async (t, stage) => {
      await putModel(stage)
      const { proxy, env } = await behindProxy(t, stage)
      endsWith(t, await stage.run({ ...env, HTTPS_PROXY: proxy.url, NO_PROXY: '169.254.170.23,.svc' }), 0)
      await holdsModel(t, stage)
      t.ok(proxy.asked.length > 0)
      t.ok(
        proxy.asked.every((host) => host.startsWith(`${onlyKnownToTheProxy}:`)),
        'each request is for the host that only the proxy knows',
      )
    },
  },
  {
    name: 'a host in a block of addresses that NO_PROXY names is reached without the proxy, and no other is',
    run: async (t, stage) => {
      requireRoot('a network where S3 has an address that is not loopback')
      const script = join(import.meta.dirname, '..', 'proxied-address.ts')
      const ended = await inNetworkNamespace(process.execPath, [script, stage.world.engine.name, stage.root])
      if (ended.code !== 0) t.comment(ended.stdout, ended.stderr)
      const { endpoint, runs } = JSON.parse(ended.stdout.trim().split('\n').at(-1) ?? '') as ProxiedAddressResult
      for (const block of [otherBlock, itsBlock]) {
        endsWith(t, runs[block]?.end ?? { exitCode: null, signal: null, log: '', terminationMessage: '' }, 0)
        const asked = [...new Set(runs[block]?.asked)]
        t.strictSame(asked, block === itsBlock ? [] : [new URL(endpoint).host], `for NO_PROXY with ${block}`)
      }
    },
  },
  {
    name: 'a proxy that refuses ends the loader, and the line says what it answered',
    run: async (t, stage) => {
      await putModel(stage)
      const { proxy, env } = await behindProxy(t, stage)
      proxy.refuse(403)
      endsWith(t, await stage.run({ ...env, HTTPS_PROXY: proxy.url }), 11, /403|Forbidden/)
      await holdsNothing(t, stage)
    },
  },
]

async function putModel(stage: Stage): Promise<void> {
  await stage.put('config.json', '{}')
  await stage.put(
    'weights.bin',
    new Uint8Array(20 * 2 ** 20).map((_, i) => i % 251),
  )
}

async function behindProxy(
  t: Test,
  { world }: Stage,
): Promise<{ readonly proxy: ConnectProxy; readonly env: Readonly<Record<string, string>> }> {
  const { port } = new URL(world.proxy.endpoint)
  const proxy = await startConnectProxy(Number(port))
  t.teardown(() => proxy.stop())
  return { proxy, env: { MODEL_ENDPOINT: `https://${onlyKnownToTheProxy}:${port}` } }
}
