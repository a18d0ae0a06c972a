/** The policies of the chart on a real API server: installed, in force, and what they answer. */
import type { Pod } from '../../../src/pod/pod.ts'
import type { ApiResponse } from '../../../src/cluster/transport.ts'
import type { ApiClient, ApiObject } from './api-client.ts'
import { objectOf, renderChart, type ChartValues } from '../tools/helm.ts'
import { waitFor } from '../tools/wait-for.ts'

export const guardName = 'model-injector-guard'
export const placementName = 'model-injector-placement'
export const valuesName = 'model-injector-values'

export type PodObject = ApiObject & Pod & { readonly metadata: NonNullable<Pod['metadata']> }

export interface PolicyObject extends ApiObject {
  readonly spec: {
    readonly failurePolicy: string
    readonly matchConstraints: { readonly resourceRules: readonly object[]; readonly namespaceSelector: object }
    readonly matchConditions: readonly { readonly name: string; readonly expression: string }[]
    readonly variables: readonly { readonly name: string; readonly expression: string }[]
    readonly validations: readonly {
      readonly expression: string
      readonly message: string
      readonly messageExpression?: string
    }[]
  }
  readonly status?: { readonly typeChecking?: { readonly expressionWarnings?: readonly object[] } }
}

const root = '/apis/admissionregistration.k8s.io/v1'
const collections = {
  ValidatingAdmissionPolicyBinding: 'validatingadmissionpolicybindings',
  ValidatingAdmissionPolicy: 'validatingadmissionpolicies',
}
const prefixByDefault = 'models.example.io/'

let installations = 0

/** Puts the guard of these values into force, in the place of one that is there already. */
export async function installGuard(api: ApiClient, values: ChartValues = {}): Promise<void> {
  // An older guard refuses the same pod, but in other words.
  const guard = { contact: `the keepers of installation ${++installations}`, ...(values.guard as object | undefined) }
  await install(api, guardName, { ...values, guard })
  await waitFor('the guard to refuse a pod in its own words', async () => {
    const probe = podObject({ [`${prefixOf(values)}source`]: 'nowhere' })
    const { body, warnings } = await api.tryCreate(probe, { dryRun: true })
    const { message = '' } = body as { message?: string }
    return [message, ...warnings].some((text) => text.includes(guard.contact)) ? true : undefined
  })
}

/** Likewise for the placement policy, but one that is there already has to have another prefix. */
export async function installPlacement(api: ApiClient, values: ChartValues = {}): Promise<void> {
  await install(api, placementName, values)
  await waitFor('the placement policy to warn', async () => {
    const job = probeJob({ own: { [`${prefixOf(values)}source`]: 's3://models/llama/' } })
    return placementWarnings(await api.tryCreate(job, { dryRun: true })).length > 0 ? true : undefined
  })
}

type Annotations = Readonly<Record<string, string>>

function probeJob({ own = {}, template = {} }: { own?: Annotations; template?: Annotations }): ApiObject {
  const spec = { restartPolicy: 'Never', containers: [{ name: 'app', image: 'app:1' }] }
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'probe', namespace: 'default', annotations: own },
    spec: { template: { metadata: { annotations: template }, spec } },
  }
}

/** Likewise for the policy about values; one that is there already has to have another prefix or other actions. */
export async function installValues(api: ApiClient, values: ChartValues = {}): Promise<void> {
  await install(api, valuesName, values)
  await waitFor('the policy about values to answer', async () => {
    const { status, warnings } = await api.tryCreate(probeJob({ template: { [`${prefixOf(values)}size`]: 'x' } }), {
      dryRun: true,
    })
    const refuses =
      JSON.stringify((values.placement as { valueActions?: unknown } | undefined)?.valueActions) === '["Deny"]'
    return (refuses ? status >= 400 : valueWarnings({ warnings }).length > 0) ? true : undefined
  })
}

async function install(api: ApiClient, name: string, values: ChartValues): Promise<void> {
  const objects = await renderChart(values)
  for (const [kind, collection] of Object.entries(collections)) {
    await api.request('DELETE', `${root}/${collection}/${name}`)
    const { status, body } = await api.request('POST', `${root}/${collection}`, objectOf(objects, kind, name))
    if (status !== 201) throw new Error(`${kind} ${name}: ${status} ${JSON.stringify(body)}`)
  }
}

function prefixOf(values: ChartValues): string {
  return (values.config as { annotationPrefix?: string } | undefined)?.annotationPrefix ?? prefixByDefault
}

/** Warnings of the type checker of kube-controller-manager about a policy. */
export async function typeWarnings(api: ApiClient, name: string): Promise<readonly object[]> {
  const checked = await waitFor(`the types of ${name} to be checked`, async () => {
    const { body } = await api.request('GET', `${root}/${collections.ValidatingAdmissionPolicy}/${name}`)
    return (body as PolicyObject).status?.typeChecking
  })
  return checked.expressionWarnings ?? []
}

export function podObject(
  annotations: Readonly<Record<string, string>>,
  { namespace = 'default', name = 'app' } = {},
): PodObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace, annotations },
    spec: { containers: [{ name: 'app', image: 'app:1' }] },
  }
}

/** The message of the guard; undefined where it did not refuse. */
export function guardMessage({ status, body }: ApiResponse): string | undefined {
  if (status < 400) return undefined
  const { message } = body as { message: string }
  return (
    afterMarker(message, `ValidatingAdmissionPolicy '${guardName}' with binding '${guardName}' denied request: `) ??
    `not by the guard: ${status} ${message}`
  )
}

/** The same where the guard only warns. */
export function guardWarnings({ warnings }: Pick<ApiResponse, 'warnings'>): readonly string[] {
  return warnings.flatMap(
    (warning) => afterMarker(warning, `ValidatingAdmissionPolicy '${guardName}' with binding '${guardName}': `) ?? [],
  )
}

/** The warnings of the placement policy, sorted, without what the API server writes before them. */
export function placementWarnings(response: Pick<ApiResponse, 'warnings'>): readonly string[] {
  return warningsOf(placementName, response)
}

export function valueWarnings(response: Pick<ApiResponse, 'warnings'>): readonly string[] {
  return warningsOf(valuesName, response)
}

function warningsOf(name: string, { warnings }: Pick<ApiResponse, 'warnings'>): readonly string[] {
  const marker = `ValidatingAdmissionPolicy '${name}' with binding '${name}': `
  return warnings.flatMap((warning) => afterMarker(warning, marker) ?? []).sort()
}

function afterMarker(text: string, marker: string): string | undefined {
  const at = text.indexOf(marker)
  return at < 0 ? undefined : text.slice(at + marker.length)
}
