import t from 'tap'
import type { Config } from '../../../src/config/config.ts'
import { defaultConfig, parseConfig } from '../../../src/config/parse-config.ts'
import { inject, type Injected } from '../../../src/inject/inject.ts'
import type { Container, Pod } from '../../../src/pod/pod.ts'
import { eksWebhook } from '../../kit/aws/eks-webhook.ts'
import { podWith } from '../../kit/webhook/pods.ts'

const source = 's3://models/llama/'
const directory = '/var/run/secrets/pods.eks.amazonaws.com/serviceaccount'
const role = 'arn:aws:iam::111122223333:role/reader'

function outcomeOf(pod: Pod, config: Config = defaultConfig): Injected {
  const outcome = inject(pod, 'team', config)
  if (outcome.outcome !== 'injected') throw new Error(JSON.stringify(outcome))
  return outcome
}

function loaderOf(pod: Pod): Container {
  const loader = pod.spec.initContainers?.find(({ name }) => name === 'model-loader')
  if (loader === undefined) throw new Error('no loader')
  return loader
}

function awsEnv(container: Container): unknown {
  return Object.fromEntries(
    (container.env ?? [])
      .filter(({ name }) => name.startsWith('AWS_'))
      .map(({ name, value, valueFrom }) => [name, value ?? valueFrom]),
  )
}

const podIdentityEnv = {
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://169.254.170.23/v1/credentials',
  AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: `${directory}/eks-pod-identity-token`,
}

t.test('pod-identity gives the loader what the identity webhook of EKS would give it', (t) => {
  const { pod } = outcomeOf(podWith({ source }))
  const loader = loaderOf(pod)
  t.strictSame(awsEnv(loader), podIdentityEnv)
  t.strictSame(loader.volumeMounts?.at(-1), { name: 'eks-pod-identity-token', mountPath: directory, readOnly: true })
  t.strictSame(
    pod.spec.volumes?.find(({ name }) => name === 'eks-pod-identity-token'),
    {
      name: 'eks-pod-identity-token',
      projected: {
        sources: [
          {
            serviceAccountToken: {
              audience: 'pods.eks.amazonaws.com',
              expirationSeconds: 86400,
              path: 'eks-pod-identity-token',
            },
          },
        ],
      },
    },
  )
  t.strictSame(pod.spec.containers[0]?.env, undefined, 'and the app nothing')
  t.end()
})

t.test('that webhook finds nothing to add to the loader, and adds no second token', (t) => {
  const { pod } = outcomeOf(podWith({ source, 'service-account': 'reader' }))
  const after = eksWebhook(pod, { podIdentity: ['reader'] })
  t.strictSame(loaderOf(after), loaderOf(pod))
  t.strictSame(after.spec.volumes, pod.spec.volumes)
  t.ok(
    after.spec.containers[0]?.env?.some(({ name }) => name === 'AWS_CONTAINER_CREDENTIALS_FULL_URI'),
    'but to the app',
  )
  t.end()
})

t.test('if that webhook came first, its token is used with any expiry', (t) => {
  const { pod } = outcomeOf(
    eksWebhook(podWith({ source }, { serviceAccountName: 'reader' }), {
      podIdentity: ['reader'],
      expirationSeconds: 80_000,
    }),
  )
  t.strictSame(awsEnv(loaderOf(pod)), podIdentityEnv)
  t.strictSame(pod.spec.volumes?.filter(({ name }) => name === 'eks-pod-identity-token').length, 1)
  t.match(JSON.stringify(pod.spec.volumes), '"expirationSeconds":80000')
  t.end()
})

t.test('a volume that only has the name of the token is a denial', (t) => {
  for (const volume of [
    { emptyDir: {} },
    { projected: { sources: [{ serviceAccountToken: { audience: 'vault', path: 'x' } }] } },
  ]) {
    const outcome = inject(
      podWith({ source }, { volumes: [{ name: 'eks-pod-identity-token', ...volume }] }),
      'team',
      defaultConfig,
    )
    t.match(outcome, {
      outcome: 'denied',
      reason: 'NameTaken',
      diagnostics: [{ field: 'spec.volumes[eks-pod-identity-token]' }],
    })
  }
  t.end()
})

t.test('on an IPv6 cluster the address of the agent is the configured one', (t) => {
  const config = parseConfig('podIdentity: {uri: "http://[fd00:ec2::23]/v1/credentials"}')
  t.match(config.ok && awsEnv(loaderOf(outcomeOf(podWith({ source }), config.config).pod)), {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://[fd00:ec2::23]/v1/credentials',
  })
  t.end()
})

t.test('irsa takes over the pair of a sibling where the identity webhook came first', (t) => {
  const before = eksWebhook(podWith({ source, credentials: 'irsa' }, { serviceAccountName: 'reader' }), {
    roles: { reader: role },
  })
  const { pod } = outcomeOf(before)
  const tokens = '/var/run/secrets/eks.amazonaws.com/serviceaccount'
  t.strictSame(awsEnv(loaderOf(pod)), {
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_ROLE_ARN: role,
    AWS_WEB_IDENTITY_TOKEN_FILE: `${tokens}/token`,
  })
  t.strictSame(loaderOf(pod).volumeMounts?.at(-1), { name: 'aws-iam-token', readOnly: true, mountPath: tokens })
  t.strictSame(eksWebhook(pod, { roles: { reader: role } }), pod, 'and nothing is left to add')
  t.end()
})

t.test(
  'the region and regional STS are taken over from a sibling, so that a second call of that webhook adds nothing',
  (t) => {
    for (const credentials of ['irsa', 'pod-identity']) {
      const options = {
        ...(credentials === 'irsa' ? { roles: { reader: role } } : { podIdentity: ['reader'] }),
        region: 'eu-central-1',
        regionalSts: true,
      }
      const before = eksWebhook(podWith({ source, credentials }, { serviceAccountName: 'reader' }), options)
      const { pod } = outcomeOf(before)
      t.match(awsEnv(loaderOf(pod)), {
        AWS_STS_REGIONAL_ENDPOINTS: 'regional',
        AWS_REGION: 'eu-central-1',
        AWS_DEFAULT_REGION: 'eu-central-1',
      })
      t.strictSame(eksWebhook(pod, options), pod, credentials)
    }
    t.end()
  },
)

t.test('a value of AWS_STS_REGIONAL_ENDPOINTS that is none of that webhook is not taken over', (t) => {
  const own = { name: 'app', env: [{ name: 'AWS_STS_REGIONAL_ENDPOINTS', value: 'legacy' }] }
  const before = eksWebhook(
    podWith({ source, credentials: 'irsa' }, { serviceAccountName: 'reader', containers: [own] }),
    { roles: { reader: role }, regionalSts: true },
  )
  t.notOk(loaderOf(outcomeOf(before).pod).env?.some(({ name }) => name === 'AWS_STS_REGIONAL_ENDPOINTS'))
  t.end()
})

t.test('irsa takes over no role of a service account that is replaced', (t) => {
  const before = eksWebhook(
    podWith({ source, credentials: 'irsa', 'service-account': 'other' }, { serviceAccountName: 'reader' }),
    { roles: { reader: role } },
  )
  t.strictSame(awsEnv(loaderOf(outcomeOf(before).pod)), { AWS_EC2_METADATA_DISABLED: 'true' })
  t.end()
})

t.test('irsa is left to the identity webhook where that comes later', (t) => {
  const { pod } = outcomeOf(podWith({ source, credentials: 'irsa', 'service-account': 'reader' }))
  t.strictSame(awsEnv(loaderOf(pod)), { AWS_EC2_METADATA_DISABLED: 'true' })
  t.match(awsEnv(loaderOf(eksWebhook(pod, { roles: { reader: role } }))), { AWS_ROLE_ARN: role })
  t.equal(inject(eksWebhook(pod, { roles: { reader: role } }), 'team', defaultConfig).reason, 'AlreadyInjected')
  t.end()
})

t.test('a secret is referred to and never read', (t) => {
  const { pod } = outcomeOf(podWith({ source, credentials: 'secret/s3-keys' }))
  const key = (name: string): object => ({ secretKeyRef: { name: 's3-keys', key: name } })
  t.strictSame(awsEnv(loaderOf(pod)), {
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_ACCESS_KEY_ID: key('AWS_ACCESS_KEY_ID'),
    AWS_SECRET_ACCESS_KEY: key('AWS_SECRET_ACCESS_KEY'),
    AWS_SESSION_TOKEN: { secretKeyRef: { name: 's3-keys', key: 'AWS_SESSION_TOKEN', optional: true } },
  })
  t.end()
})

t.test('anonymous adds no identity, and the role of the node is never used', (t) => {
  const { pod } = outcomeOf(podWith({ source, credentials: 'anonymous' }))
  t.strictSame(awsEnv(loaderOf(pod)), { AWS_EC2_METADATA_DISABLED: 'true' })
  t.strictSame(
    pod.spec.volumes?.map(({ name }) => name),
    ['model-data', 'model-tmp'],
  )
  t.end()
})

t.test('credentials-scope: loader keeps that webhook away from all containers but the loader', (t) => {
  const pod = podWith(
    { source, 'credentials-scope': 'loader', 'service-account': 'reader' },
    {
      containers: [{ name: 'app' }, { name: 'worker' }],
      initContainers: [{ name: 'migrate' }],
    },
  )
  const injected = outcomeOf(pod)
  t.equal(injected.pod.metadata?.annotations?.['eks.amazonaws.com/skip-containers'], 'migrate,app,worker')
  const after = eksWebhook(injected.pod, { podIdentity: ['reader'] })
  t.strictSame(after.spec.containers, injected.pod.spec.containers)
  t.notOk(injected.warnings.some(({ reason }) => reason === 'CredentialsShared'))
  t.end()
})

t.test('an agent that logs in to Vault with the role keeps it, and a warning says so', (t) => {
  const scoped = podWith(
    { source, 'credentials-scope': 'loader' },
    { containers: [{ name: 'app' }, { name: 'vault-agent' }], initContainers: [{ name: 'vault-agent-init' }] },
  )
  const injected = (authType: string): Injected =>
    outcomeOf({
      ...scoped,
      metadata: { annotations: { ...scoped.metadata?.annotations, 'vault.hashicorp.com/auth-type': authType } },
    })
  const skipped = ({ pod }: Injected): unknown => pod.metadata?.annotations?.['eks.amazonaws.com/skip-containers']
  const shared = ({ warnings }: Injected): unknown =>
    warnings.filter(({ reason }) => reason === 'CredentialsShared').map(({ message }) => message)
  t.equal(skipped(injected('aws')), 'app')
  t.strictSame(shared(injected('aws')), ["vault-agent-init, vault-agent: credentials are for Vault's login, too"])
  t.equal(skipped(injected('kubernetes')), 'vault-agent-init,app,vault-agent')
  t.strictSame(shared(injected('kubernetes')), [])
  t.end()
})

t.test('a list of containers to skip is merged as that webhook reads it, untrimmed and unsorted', (t) => {
  const pod = podWith({ source, 'credentials-scope': 'loader' }, { containers: [{ name: 'app' }, { name: 'b' }] })
  const listed: Pod = {
    ...pod,
    metadata: { annotations: { ...pod.metadata?.annotations, 'eks.amazonaws.com/skip-containers': 'b, app' } },
  }
  t.equal(outcomeOf(listed).pod.metadata?.annotations?.['eks.amazonaws.com/skip-containers'], 'b, app,app')
  t.end()
})

t.test('credentials that are there already cannot be taken away, and a warning says whose', (t) => {
  const before = eksWebhook(podWith({ source, 'credentials-scope': 'loader' }, { serviceAccountName: 'reader' }), {
    podIdentity: ['reader'],
  })
  t.strictSame(
    outcomeOf(before).warnings.find(({ reason }) => reason === 'CredentialsShared'),
    {
      reason: 'CredentialsShared',
      message: 'app: credentials were added before us and stay',
    },
  )
  t.end()
})

t.test('the service account is set in both of its fields, and replacing another than default warns', (t) => {
  const accounts = (spec: object): unknown => {
    const { pod, warnings } = outcomeOf(podWith({ source, 'service-account': 'reader' }, spec))
    return [
      pod.spec.serviceAccountName,
      pod.spec.serviceAccount,
      warnings.some(({ reason }) => reason === 'ServiceAccountReplaced'),
    ]
  }
  t.strictSame(accounts({}), ['reader', 'reader', false])
  t.strictSame(accounts({ serviceAccountName: 'default', serviceAccount: 'default' }), ['reader', 'reader', false])
  t.strictSame(accounts({ serviceAccountName: 'reader' }), ['reader', 'reader', false])
  t.strictSame(accounts({ serviceAccountName: 'own' }), ['reader', 'reader', true])
  t.strictSame(accounts({ serviceAccount: 'own' }), ['reader', 'reader', true])
  t.end()
})
