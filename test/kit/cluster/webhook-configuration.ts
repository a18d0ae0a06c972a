/** The project's own webhook configuration, as the chart renders it, pointed at a webhook of the test. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ApiObject } from './api-client.ts'
import { objectOf, parseObjects } from '../tools/helm.ts'

const file = join(import.meta.dirname, '..', '..', '..', 'deploy', 'manifests.yaml')

interface Target {
  readonly url: string
  /** PEM. */
  readonly caCertificate: string
}

interface Configuration extends ApiObject {
  readonly webhooks: readonly Record<string, unknown>[]
}

export async function ourConfiguration(target: Target): Promise<ApiObject> {
  const configuration = objectOf(
    parseObjects(await readFile(file, 'utf8')),
    'MutatingWebhookConfiguration',
  ) as Configuration
  return {
    ...configuration,
    webhooks: configuration.webhooks.map((webhook) => ({ ...webhook, clientConfig: clientConfig(target) })),
  }
}

/** A configuration of somebody else; the name decides whether it runs before or after ours. */
export function foreignConfiguration(
  name: string,
  target: Target,
  reinvocationPolicy: 'Never' | 'IfNeeded',
): ApiObject {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name },
    webhooks: [
      {
        name: `${name}.example.com`,
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        failurePolicy: 'Fail',
        timeoutSeconds: 5,
        reinvocationPolicy,
        rules: [
          { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'], scope: 'Namespaced' },
        ],
        clientConfig: clientConfig(target),
      },
    ],
  }
}

function clientConfig({ url, caCertificate }: Target): object {
  return { url, caBundle: Buffer.from(caCertificate).toString('base64') }
}
