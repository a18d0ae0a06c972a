/** Reads from the text of a controller why it could not make a pod. */
import { quote } from '../../../values/print/printable.ts'

interface PodRefusal {
  /** A clause: `the admission webhook "pods.models.example.io" denies them`. */
  readonly brief: string
  readonly remedy: string | undefined
  readonly commands: readonly string[]
}

interface RefusalForm {
  readonly pattern: RegExp
  readonly brief: (name: string) => string
  readonly remedy: (name: string, isOurs: boolean) => string
  readonly isFaultOfInstallation?: true
}

/** Texts of the API server, as of 1.30 to 1.36. */
const forms: readonly RefusalForm[] = [
  {
    pattern: /admission webhook "([^"]+)" denied the request/,
    brief: (name) => `the admission webhook ${quote(name)} denies them`,
    remedy: (name, isOurs) =>
      isOurs
        ? 'correct what the lines name in the pod template'
        : `correct what the message names, or ask those who run ${quote(name)}`,
  },
  {
    pattern: /failed calling webhook "([^"]+)"/,
    brief: (name) => `the webhook ${quote(name)} gives no answer`,
    remedy: (name, isOurs) =>
      isOurs
        ? 'the API server does not reach the webhook: see what is wrong with it'
        : `ask those who run ${quote(name)}`,
    isFaultOfInstallation: true,
  },
  {
    pattern: /ValidatingAdmissionPolicy '([^']+)'/,
    brief: (name) => `the ValidatingAdmissionPolicy ${quote(name)} denies them`,
    remedy: (_, isOurs) =>
      isOurs
        ? 'the pods come out of admission without their models, or with a changed loader: see what is wrong with the webhook, and what the message names'
        : 'correct what the message names, or ask those who wrote the policy',
    isFaultOfInstallation: true,
  },
  {
    pattern: /exceeded quota: ([^,\s]+)/,
    brief: (name) => `the ResourceQuota ${quote(name)} has no room for them`,
    remedy: () =>
      'raise the quota, or lower the requests of the pod; those of the loader are the annotations cpu and memory',
  },
  {
    pattern: /failed quota: ([^:\s]+)/,
    brief: (name) => `the ResourceQuota ${quote(name)} wants what they do not state`,
    remedy: () => 'give every container the requests and limits that the quota counts',
  },
  {
    pattern: /violates PodSecurity "([^"]+)"/,
    brief: (name) => `Pod Security ${quote(name)} denies them`,
    remedy: () => 'correct the fields that the message names, or use a namespace of another level',
  },
  {
    pattern: /(serviceaccounts? ".*?" not found)/,
    brief: () => 'their service account is not there',
    remedy: () => 'create the service account in this namespace',
  },
]

/** The webhook of the chart, and its policies. */
const ours = /^(?:pods\.models\.example\.io$|model-injector-)/

export function readRefusal(text: string): PodRefusal {
  for (const { pattern, brief, remedy, isFaultOfInstallation } of forms) {
    const [, name] = pattern.exec(text) ?? []
    if (name === undefined) continue
    const isOurs = ours.test(name)
    const commands = isOurs && isFaultOfInstallation === true ? ['model-injector check'] : []
    return { brief: brief(name), remedy: remedy(name, isOurs), commands }
  }
  return { brief: 'the API server refuses them', remedy: undefined, commands: [] }
}
