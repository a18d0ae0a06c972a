/** IRSA: a role that STS gives for the token of the pod. */
import { join } from 'node:path'
import type { Test } from 'tap'
import { endsWith } from '../../kit/s3/loader-end.ts'
import { holdsModel, holdsNothing, type Stage } from '../../kit/s3/loader-world.ts'
import { startConnectProxy } from '../../kit/s3/connect-proxy.ts'
import { startSts, type Sts } from '../../kit/aws/sts.ts'
import { noKeys, readerAccount, tokenFile, type Env } from './identity.ts'
import type { Scenario } from './scenario.ts'

/** The patience is half of it; the other half is for the start of the loader on a busy machine. */
const shortTimeout = { MODEL_TIMEOUT_SECONDS: '16' }
const roleArn = 'arn:aws:iam::111122223333:role/models'

export const irsa: readonly Scenario[] = [
  {
    name: 'a role that trusts the service account is assumed, and signs every request',
    run: async (t, stage) => {
      const { sts, env } = await withSts(t, stage)
      endsWith(t, await stage.run(env), 0)
      await holdsModel(t, stage)
      t.strictSame(
        sts.calls.map(({ action, roleArn: role, status }) => ({ action, role, status })),
        [{ action: 'AssumeRoleWithWebIdentity', role: roleArn, status: 200 }],
      )
      const used = new Set(stage.world.proxy.requests.map(({ accessKeyId }) => accessKeyId))
      t.strictSame([...used], [sts.calls[0]?.accessKeyId])
    },
  },
  {
    name: 'a role that does not trust the service account ends the loader at once',
    run: async (t, stage) => {
      const { sts, env } = await withSts(t, stage)
      sts.trust(roleArn, 'ml/somebody-else')
      endsWith(
        t,
        await stage.run(env),
        10,
        /arn:aws:iam::111122223333:role\/models.*(AccessDenied|Not authorized).*; allow .* to the role, and let its trust policy name/,
      )
      t.equal(sts.calls.length, 1, 'it was asked once')
      await holdsNothing(t, stage)
    },
  },
  {
    name: 'STS that is unavailable for a while is waited for',
    run: async (t, stage) => {
      const { sts, env } = await withSts(t, stage)
      sts.beUnavailable(3)
      endsWith(t, await stage.run(env), 0)
      t.strictSame(
        sts.calls.map(({ status }) => status),
        [503, 503, 503, 200],
      )
      await holdsModel(t, stage)
    },
  },
  {
    name: 'STS that never answers ends the loader with its host',
    run: async (t, stage) => {
      const { sts, env } = await withSts(t, stage)
      sts.beSilent()
      endsWith(
        t,
        await stage.run({ ...env, ...shortTimeout }),
        75,
        /STS at 127\.0\.0\.1 cannot be reached: no answer in \d+ s; check that the pod reaches STS/,
      )
      await holdsNothing(t, stage)
    },
  },
  {
    name: 'the STS of the region of the cluster is asked, not that of the bucket',
    run: async (t, stage) => {
      const { env } = await withSts(t, stage)
      const proxy = await startConnectProxy(1)
      t.teardown(() => proxy.stop())
      proxy.refuse(403)
      const regions = { AWS_REGION: 'eu-central-1', MODEL_REGION: 'auto' }
      endsWith(
        t,
        await stage.run({ ...env, ...shortTimeout, ...regions, AWS_ENDPOINT_URL_STS: '', HTTPS_PROXY: proxy.url }),
        75,
        /STS at sts\.eu-central-1\.amazonaws\.com cannot be reached/,
      )
      t.strictSame(
        [...new Set(proxy.asked.filter((host) => host.startsWith('sts.')))],
        ['sts.eu-central-1.amazonaws.com:443'],
      )
      await holdsNothing(t, stage)
    },
  },
  {
    name: 'a token of IRSA that is not there is not blamed on the Pod Identity agent',
    run: async (t, stage) => {
      await stage.put('config.json', '{}')
      const env = {
        ...noKeys,
        MODEL_CREDENTIALS: 'irsa',
        AWS_ROLE_ARN: roleArn,
        AWS_WEB_IDENTITY_TOKEN_FILE: join(stage.world.directory, 'no-such-token'),
      }
      endsWith(
        t,
        await stage.run(env),
        75,
        /^no credentials in time: the token file .* cannot be read; check that the pod reaches STS, and the region/,
      )
      await holdsNothing(t, stage)
    },
  },
  {
    name: 'a pod without the variables of IRSA is refused',
    run: async (t, stage) => {
      const { sts, env } = await withSts(t, stage)
      endsWith(
        t,
        await stage.run({ ...env, AWS_ROLE_ARN: '' }),
        78,
        /no workload identity.*; annotate the service account with its role/,
      )
      endsWith(t, await stage.run({ ...env, AWS_WEB_IDENTITY_TOKEN_FILE: '' }), 78, /no workload identity/)
      t.strictSame(sts.calls, [])
      await holdsNothing(t, stage)
    },
  },
]

async function withSts(t: Test, stage: Stage): Promise<{ sts: Sts; env: Env }> {
  await stage.put('config.json', '{}')
  const sts = await startSts(stage.world.proxy.credentials)
  t.teardown(() => sts.stop())
  sts.trust(roleArn, `${readerAccount.namespace}/${readerAccount.serviceAccount}`)
  const env = {
    ...noKeys,
    MODEL_CREDENTIALS: 'irsa',
    AWS_ROLE_ARN: roleArn,
    AWS_WEB_IDENTITY_TOKEN_FILE: await tokenFile(stage, 'sts.amazonaws.com'),
    AWS_ENDPOINT_URL_STS: sts.endpoint,
  }
  return { sts, env }
}
