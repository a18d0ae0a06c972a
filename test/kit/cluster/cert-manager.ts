/** cert-manager's controller, webhook and CA injector as processes next to a control plane. */
import { readFile } from 'node:fs/promises'
import { parseAllDocuments } from 'yaml'
import type { ApiClient, ApiObject } from './api-client.ts'
import { certManagerBinaries } from '../tools/cert-manager-binaries.ts'
import {
  endProcesses,
  logTails,
  messageOf,
  runProcess,
  type ClusterCommand,
  type ClusterProcess,
} from './cluster-process.ts'
import type { ControlPlane } from './control-plane.ts'
import { freePorts } from '../tools/free-ports.ts'
import { waitFor } from '../tools/wait-for.ts'

export interface CertManager {
  /** May be called more than once. */
  stop(): Promise<void>
}

const NAMESPACE = 'cert-manager'
const CA_SECRET = 'cert-manager-webhook-ca'
const READY_TIMEOUT_SECONDS = 120

/** Ready when an Issuer can be created through its webhook. */
export async function startCertManager(
  { kubeConfigFile, directory }: ControlPlane,
  api: ApiClient,
): Promise<CertManager> {
  const processes: ClusterProcess[] = []
  const stop = (): Promise<void> => endProcesses(processes)
  const failure = new AbortController()
  const run = (command: ClusterCommand): void => {
    const running = runProcess(directory, { ...command, endSignal: 'SIGKILL' })
    processes.push(running)
    void running.exited.then((how) => {
      failure.abort(new Error(`${running.name} ${how}`))
    })
  }
  try {
    const { controller, webhook, cainjector, crds } = await certManagerBinaries()
    const [webhookPort, healthPort, metricsPort] = await freePorts(3)
    await api.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } })
    for (const crd of await readObjects(crds)) await api.create(crd)
    run({
      name: 'cert-manager-webhook',
      file: webhook,
      args: [
        `--kubeconfig=${kubeConfigFile}`,
        `--secure-port=${webhookPort}`,
        `--healthz-port=${healthPort}`,
        `--dynamic-serving-ca-secret-namespace=${NAMESPACE}`,
        `--dynamic-serving-ca-secret-name=${CA_SECRET}`,
        '--dynamic-serving-dns-names=localhost',
      ],
    })
    run({ name: 'cert-manager-cainjector', file: cainjector, args: [], env: { KUBECONFIG: kubeConfigFile } })
    run({
      name: 'cert-manager-controller',
      file: controller,
      args: [
        `--kubeconfig=${kubeConfigFile}`,
        '--leader-elect=false',
        `--cluster-resource-namespace=${NAMESPACE}`,
        `--metrics-listen-address=127.0.0.1:${metricsPort}`,
      ],
    })
    for (const kind of ['Mutating', 'Validating'] as const) await api.create(webhookConfiguration(kind, webhookPort!))
    await waitFor('cert-manager', () => acceptsIssuers(api), {
      timeoutSeconds: READY_TIMEOUT_SECONDS,
      signal: failure.signal,
    })
  } catch (error) {
    const logs = await logTails(processes, directory)
    await stop()
    throw new Error(`cert-manager did not start: ${messageOf(error)}${logs}`, { cause: error })
  }
  return { stop }
}

async function readObjects(file: string): Promise<ApiObject[]> {
  const documents = parseAllDocuments(await readFile(file, 'utf8'))
  return 'empty' in documents
    ? []
    : documents.map((document) => document.toJS() as ApiObject | null).filter((object) => object !== null)
}

function webhookConfiguration(kind: 'Mutating' | 'Validating', port: number): ApiObject {
  const path = { Mutating: 'mutate', Validating: 'validate' }[kind]
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: `${kind}WebhookConfiguration`,
    metadata: {
      name: 'cert-manager-webhook',
      annotations: { 'cert-manager.io/inject-ca-from-secret': `${NAMESPACE}/${CA_SECRET}` },
    },
    webhooks: [
      {
        name: 'webhook.cert-manager.io',
        admissionReviewVersions: ['v1'],
        failurePolicy: 'Fail',
        sideEffects: 'None',
        rules: [
          {
            apiGroups: ['cert-manager.io', 'acme.cert-manager.io'],
            apiVersions: ['v1'],
            operations: ['CREATE', 'UPDATE'],
            resources: ['*/*'],
          },
        ],
        clientConfig: { url: `https://localhost:${port}/${path}` },
      },
    ],
  }
}

/** Its certificate comes a moment after its authority is in the configurations; until then its own webhook refuses everything. */
async function acceptsIssuers(api: ApiClient): Promise<true | undefined> {
  const issuer = {
    apiVersion: 'cert-manager.io/v1',
    kind: 'Issuer',
    metadata: { name: 'probe', namespace: 'default' },
    spec: { selfSigned: {} },
  }
  return (await api.tryCreate(issuer, { dryRun: true })).status === 201 ? true : undefined
}
