/** The pieces that findings stand on: selectors, mounted files, certificates, metrics. */
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import t from 'tap'
import { isFor, isTrusted, readCertificates } from '../../../src/check/certificates.ts'
import { failedRequirements, selects, selectorText } from '../../../src/cluster/label-selector.ts'
import { argumentOf, mountedFile } from '../../../src/check/mounted-file.ts'
import { readMetrics } from '../../../src/check/replicas.ts'
import type { Deployment, LabelSelector } from '../../../src/cluster/objects.ts'
import { createMetrics } from '../../../src/server/metrics.ts'
import { createCertificateAuthority, issueCertificate } from '../../kit/webhook/pki.ts'

const expression = (operator: string, values?: string[]): LabelSelector => ({
  matchExpressions: [{ key: 'team', operator, ...(values && { values }) }],
})

const selectors: readonly (readonly [LabelSelector | undefined, Record<string, string>, boolean])[] = [
  [undefined, {}, true],
  [{}, { team: 'a' }, true],
  [{ matchLabels: { team: 'a' } }, { team: 'a', more: 'x' }, true],
  [{ matchLabels: { team: 'a' } }, { team: 'b' }, false],
  [{ matchLabels: { team: 'a' } }, {}, false],
  [expression('In', ['a', 'b']), { team: 'b' }, true],
  [expression('In', ['a']), {}, false],
  [expression('NotIn', ['a']), { team: 'b' }, true],
  [expression('NotIn', ['a']), {}, true],
  [expression('NotIn', ['a']), { team: 'a' }, false],
  [expression('Exists'), { team: '' }, true],
  [expression('Exists'), {}, false],
  [expression('DoesNotExist'), {}, true],
  [expression('DoesNotExist'), { team: 'a' }, false],
  [expression('Exists'), Object.create({ team: 'inherited' }) as Record<string, string>, false],
]

for (const [selector, labels, selected] of selectors) {
  t.test(`${JSON.stringify(selector)} ${selected ? 'selects' : 'does not select'} ${JSON.stringify(labels)}`, (t) => {
    t.equal(selects(selector, labels), selected)
    t.equal(failedRequirements(selector, labels).length === 0, selected)
    t.end()
  })
}

t.test('selectors are written as the API takes them in a query', (t) => {
  const selector: LabelSelector = {
    matchLabels: { app: 'a', tier: 'b' },
    matchExpressions: [
      { key: 'team', operator: 'NotIn', values: ['x', 'y'] },
      { key: 'kept', operator: 'Exists' },
      { key: 'gone', operator: 'DoesNotExist' },
    ],
  }
  t.equal(selectorText(selector), 'app=a,tier=b,team notin (x,y),kept,!gone')
  t.end()
})

function deploymentOf(args: string[], mounts: object[], volumes: object[]): Deployment {
  const containers = [
    { name: 'proxy', args: ['--config', '/wrong'] },
    { name: 'webhook', args: ['serve', ...args], volumeMounts: mounts },
  ]
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd', namespace: 'ns' },
    spec: { selector: {}, template: { spec: { containers, volumes } } },
  } as Deployment
}

t.test('a file is found in the ConfigMap or Secret that is mounted there, under its key', (t) => {
  const mounts = [
    { name: 'config', mountPath: '/etc/config/' },
    { name: 'tls', mountPath: '/etc/config-tls' },
    { name: 'one', mountPath: '/etc/one.yaml', subPath: 'file' },
    { name: 'scratch', mountPath: '/scratch' },
  ]
  const volumes = [
    { name: 'config', configMap: { name: 'settings', items: [{ key: 'renamed', path: 'config.yaml' }] } },
    { name: 'tls', secret: { secretName: 'certificate' } },
    { name: 'one', configMap: { name: 'single' } },
    { name: 'scratch', emptyDir: {} },
  ]
  const deployment = deploymentOf([], mounts, volumes)
  t.strictSame(mountedFile(deployment, '/etc/config/config.yaml'), {
    kind: 'ConfigMap',
    name: 'settings',
    namespace: 'ns',
    key: 'renamed',
  })
  t.strictSame(mountedFile(deployment, '/etc/config-tls/tls.crt'), {
    kind: 'Secret',
    name: 'certificate',
    namespace: 'ns',
    key: 'tls.crt',
  })
  t.strictSame(mountedFile(deployment, '/etc/one.yaml'), {
    kind: 'ConfigMap',
    name: 'single',
    namespace: 'ns',
    key: 'file',
  })
  t.equal(mountedFile(deployment, '/scratch/x'), undefined)
  t.equal(mountedFile(deployment, '/elsewhere'), undefined)
  t.end()
})

t.test('options are read in both forms', (t) => {
  t.equal(argumentOf({ name: 'x', args: ['--config', 'a'] }, '--config'), 'a')
  t.equal(argumentOf({ name: 'x', args: ['--config=a=b'] }, '--config'), 'a=b')
  t.equal(argumentOf({ name: 'x', args: ['--config-other=a'] }, '--config'), undefined)
  t.end()
})

t.test('the metrics are read as the webhook writes them', async (t) => {
  const metrics = createMetrics()
  metrics.config.loaded({ hash: '0123456789abcdef', loadedAtMs: 1 })
  metrics.certificate.loaded({ notBeforeMs: 0, notAfterMs: 1 })
  t.strictSame(readMetrics(await metrics.registry.metrics()), {
    configHash: '0123456789abcdef',
    configIsCurrent: true,
    certificateIsCurrent: true,
  })
  metrics.config.refused()
  metrics.certificate.refused()
  t.strictSame(readMetrics(await metrics.registry.metrics()), {
    configHash: '0123456789abcdef',
    configIsCurrent: false,
    certificateIsCurrent: false,
  })
})

t.test('certificates are judged as the API server does', async (t) => {
  const directory = t.testdir({ other: {} })
  const authority = await createCertificateAuthority(directory, 'ca')
  const impostor = await createCertificateAuthority(`${directory}/other`, 'ca')
  const files = await issueCertificate(directory, authority, {
    name: 'leaf',
    subject: '/CN=common.example.com',
    usage: 'serverAuth',
    alternativeNames: ['DNS:a.ns.svc', 'IP:127.0.0.1'],
  })
  const read = async (file: string): Promise<X509Certificate> => new X509Certificate(await readFile(file))
  const [leaf, ca, other] = await Promise.all([
    read(files.certificateFile),
    read(authority.certificateFile),
    read(impostor.certificateFile),
  ])
  t.equal(isTrusted([leaf], [other, ca]), true, 'one of several is enough')
  t.equal(isTrusted([leaf], [other]), false, 'the same name with another key')
  t.equal(isTrusted([leaf], [leaf]), true, 'trusted itself')
  t.equal(isTrusted([leaf, ca], [ca]), true)
  t.equal(isTrusted([], [ca]), false)
  t.equal(isFor(leaf, 'a.ns.svc'), true)
  t.equal(isFor(leaf, 'b.ns.svc'), false)
  t.equal(isFor(leaf, 'common.example.com'), false, 'the common name does not count')
  t.equal(isFor(leaf, '127.0.0.1'), true)
  t.equal(isFor(leaf, '127.0.0.2'), false)
  t.equal(readCertificates('nothing'), undefined)
  t.equal(readCertificates('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'), undefined)
  t.equal(readCertificates(leaf.toString() + ca.toString())?.length, 2)
})
