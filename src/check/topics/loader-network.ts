/** Checks whether loaders reach what the app beside them reaches: other webhooks set proxies and authorities, which loaders do not take over. */
import { injectedLabel } from '../../annotations.ts'
import type { ClusterContainer, ClusterPod } from '../../cluster/objects.ts'
import type { Finding } from '../../diagnosis/finding.ts'
import { whyNot } from '../../diagnosis/lookup.ts'
import { isLoaderName } from '../../pod/injected-names.ts'
import { enumerate } from '../../values/print/printable.ts'
import { ok, unchecked, warning } from '../installation-findings.ts'
import type { Survey } from '../survey.ts'

interface Need {
  readonly what: string
  /** Variables of the app that show it. */
  readonly ofApp: RegExp
  /** The loader's variable for it. */
  readonly ofLoader: string
}

const needs: readonly Need[] = [
  { what: 'a proxy', ofApp: /^https?_proxy$/i, ofLoader: 'HTTPS_PROXY' },
  {
    what: 'authorities of its own',
    ofApp: /^(SSL_CERT_FILE|SSL_CERT_DIR|NODE_EXTRA_CA_CERTS|AWS_CA_BUNDLE|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE)$/,
    ofLoader: 'MODEL_CA_CERTIFICATES',
  },
]

export function checkLoaderNetwork({ injectedPods, prefix }: Survey): readonly Finding[] {
  if (injectedPods.state !== 'found') return [unchecked('loader-network', whyNot(injectedPods))]
  const { pods, unread } = injectedPods.value
  const findings = needs.flatMap((need) => {
    const lacking = pods.filter((pod) => lacks(pod, need))
    return lacking.length === 0 ? [] : [warning('loader-network', describe(lacking, need))]
  })
  const rest = unread === undefined ? [] : [unchecked('loader-network', unread)]
  if (findings.length > 0 || rest.length > 0) return [...findings, ...rest]
  const looked =
    pods.length === 0 ? `no pod has the label ${prefix}${injectedLabel}` : `${pods.length} injected pods looked at`
  return [ok('loader-network', looked)]
}

function describe(pods: readonly ClusterPod[], { what, ofLoader }: Need): string {
  const names = pods.map(({ metadata }) => `${metadata.namespace ?? ''}/${metadata.name}`)
  return `the app has ${what}, and its loader has no ${ofLoader}: ${enumerate(names)}`
}

/** A loader that only checks what is mounted needs no network. */
function lacks({ spec }: ClusterPod, { ofApp, ofLoader }: Need): boolean {
  const loaders = (spec.initContainers ?? []).filter(
    ({ name, args }) => isLoaderName(name) && args?.join(' ') === 'load',
  )
  const isLacking = loaders.some((loader) => !hasVariable(loader, (name) => name === ofLoader))
  return isLacking && spec.containers.some((container) => hasVariable(container, (name) => ofApp.test(name)))
}

function hasVariable({ env = [] }: ClusterContainer, matches: (name: string) => boolean): boolean {
  return env.some(({ name }) => matches(name))
}
