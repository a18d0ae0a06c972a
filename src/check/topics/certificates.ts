/** Checks the chain of trust from the API server to the webhook: CA bundle, certificate, name, validity. */
import type { X509Certificate } from 'node:crypto'
import type { MutatingWebhook } from '../../cluster/objects.ts'
import { isFor, isTrusted, lifetimeOf, readCertificates } from '../certificates.ts'
import { type InstallationCheckId as CheckId, error, ok, unchecked, warning } from '../installation-findings.ts'
import type { Finding } from '../../diagnosis/finding.ts'
import { found, unknown, valueOf, whyNot, type Lookup } from '../../diagnosis/lookup.ts'
import { serverNameOf } from '../registration.ts'
import type { Survey } from '../survey.ts'

export function checkCertificates(survey: Survey): readonly Finding[] {
  const { webhook } = survey
  if (webhook.state !== 'found') return []
  const bundle = readBundle(webhook.value)
  const shown = shownChain(survey)
  return [
    checkBundle(webhook.value, bundle, survey.nowMs),
    ...withChain(['certificate-trust', 'certificate-name', 'certificate-expiry'], shown, ({ place, chain }) => [
      checkTrust(place, chain, bundle),
      checkName(place, chain, serverNameOf(webhook.value)),
      checkExpiry(place, chain, survey.nowMs),
    ]),
    checkServed(survey),
  ]
}

interface ShownChain {
  readonly place: string
  readonly chain: readonly [X509Certificate, ...X509Certificate[]]
}

/** The chain that a replica serves, since the API server sees that one; else the Secret's. */
function shownChain(survey: Survey): Lookup<ShownChain> {
  const served = (valueOf(survey.replicas) ?? []).flatMap(({ name, certificate }) =>
    certificate.state === 'found' ? [{ place: name, pem: certificate.value }] : [],
  )
  const [first] = served
  if (first !== undefined) return chainOf(first)
  return survey.certificate.state === 'found'
    ? chainOf(survey.certificate.value)
    : unknown(`${whyNotServed(survey)}; ${whyNot(survey.certificate)}`)
}

function chainOf({ place, pem }: { readonly place: string; readonly pem: string }): Lookup<ShownChain> {
  const [leaf, ...others] = readCertificates(pem) ?? []
  return leaf === undefined ? unknown(`${place} contains no certificate`) : found({ place, chain: [leaf, ...others] })
}

function withChain(
  ids: readonly CheckId[],
  shown: Lookup<ShownChain>,
  work: (shown: ShownChain) => readonly Finding[],
): readonly Finding[] {
  return shown.state === 'found' ? work(shown.value) : ids.map((id) => unchecked(id, whyNot(shown)))
}

function readBundle({ clientConfig: { caBundle = '' } }: MutatingWebhook): readonly X509Certificate[] | undefined {
  return readCertificates(Buffer.from(caBundle, 'base64').toString())
}

function checkBundle(
  { clientConfig: { caBundle = '' } }: MutatingWebhook,
  bundle: readonly X509Certificate[] | undefined,
  nowMs: number,
): Finding {
  if (caBundle === '') return error('ca-bundle', 'it is empty')
  if (bundle === undefined) return error('ca-bundle', 'it holds no certificate')
  const valid = bundle.filter((authority) => lifetimeOf(authority, nowMs).daysLeft >= 0)
  if (valid.length === 0) return error('ca-bundle', `it has expired (${subjectsOf(bundle)})`)
  const days = Math.min(...valid.map((authority) => lifetimeOf(authority, nowMs).daysLeft))
  return ok('ca-bundle', `${subjectsOf(valid)}, valid for ${count(days, 'day')} more`)
}

function subjectsOf(certificates: readonly X509Certificate[]): string {
  return [
    ...new Set(
      certificates.map(
        ({ subject, fingerprint256 }) =>
          (subject as string | undefined)?.split('\n').at(-1) ?? fingerprint256.slice(0, 23),
      ),
    ),
  ].join(', ')
}

function checkTrust(
  place: string,
  chain: ShownChain['chain'],
  bundle: readonly X509Certificate[] | undefined,
): Finding {
  if (bundle === undefined) return unchecked('certificate-trust', 'there is no CA bundle to compare with')
  if (isTrusted(chain, bundle)) return ok('certificate-trust', 'signed by a CA of the bundle')
  return error(
    'certificate-trust',
    `the certificate of ${place} was signed by ${oneLine(chain[0].issuer)}, which is not in the CA bundle (${subjectsOf(bundle)}), or is another key of that name`,
  )
}

function checkName(place: string, [leaf]: ShownChain['chain'], serverName: string): Finding {
  if (isFor(leaf, serverName)) return ok('certificate-name', serverName)
  const names = leaf.subjectAltName ?? 'no name'
  return error('certificate-name', `the certificate of ${place} is for ${names}, not for ${serverName}`)
}

/** cert-manager renews when a third of the lifetime is left. */
const leastShareLeft = 0.2

function checkExpiry(place: string, [leaf]: ShownChain['chain'], nowMs: number): Finding {
  const { daysLeft, totalDays } = lifetimeOf(leaf, nowMs)
  if (daysLeft < 0) {
    return error('certificate-expiry', `the certificate of ${place} expired on ${leaf.validToDate.toISOString()}`)
  }
  if (leaf.validFromDate.getTime() > nowMs) {
    return error(
      'certificate-expiry',
      `the certificate of ${place} is not valid before ${leaf.validFromDate.toISOString()}`,
    )
  }
  const left = `${count(daysLeft, 'day')} left of ${totalDays}`
  return daysLeft < totalDays * leastShareLeft ? warning('certificate-expiry', left) : ok('certificate-expiry', left)
}

function checkServed(survey: Survey): Finding {
  const { certificate, replicas } = survey
  if (certificate.state !== 'found') return unchecked('certificate-served', whyNot(certificate))
  const served = (valueOf(replicas) ?? []).flatMap(({ name, certificate: own }) =>
    own.state === 'found' ? [{ name, pem: own.value }] : [],
  )
  if (served.length === 0) return unchecked('certificate-served', whyNotServed(survey))
  const expected = readCertificates(certificate.value.pem)?.[0]?.fingerprint256
  const others = served.filter(({ pem }) => readCertificates(pem)?.[0]?.fingerprint256 !== expected)
  if (others.length > 0) {
    return warning(
      'certificate-served',
      `not that of ${certificate.value.place}: ${others.map(({ name }) => name).join(', ')}`,
    )
  }
  return ok('certificate-served', `that of ${certificate.value.place}: ${served.map(({ name }) => name).join(', ')}`)
}

function whyNotServed({ replicas }: Survey): string {
  if (replicas.state !== 'found') return whyNot(replicas)
  return replicas.value.map(({ certificate }) => whyNot(certificate))[0] ?? 'no replica was asked'
}

function count(number: number, unit: string): string {
  return `${number} ${unit}${number === 1 ? '' : 's'}`
}

function oneLine(name: string): string {
  return name.replaceAll('\n', ', ')
}
