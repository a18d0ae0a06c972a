/** Classifies the fields of a loader beside its name, image, environment and mounts. */
import { jsonText } from '../../values/json.ts'
import type { Container } from '../../pod/pod.ts'
import { changeOf, type ChangeKind, type ComparedLoader, type PartChange } from './loader-change.ts'
import { canonicalJSON, commandText } from './part-text.ts'

interface FieldKind extends ChangeKind {
  readonly matches: (field: string, loader: ComparedLoader) => boolean
}

export const steeringFields = [
  'command',
  'args',
  'envFrom',
  'lifecycle',
  'restartPolicy',
  'restartPolicyRules',
] as const

export const fieldKinds: readonly FieldKind[] = [
  {
    change: '`resources`, `resizePolicy`',
    madeBy: 'LimitRange, VPA, or another configuration',
    class: 'harmless',
    configurable: true,
    matches: among('resources', 'resizePolicy'),
  },
  {
    change: '`imagePullPolicy`',
    madeBy: 'AlwaysPullImages, or another configuration',
    class: 'harmless',
    configurable: true,
    matches: among('imagePullPolicy'),
  },
  {
    change: '`terminationMessagePath` that is `/dev/termination-log`',
    madeBy: 'the API server, by default',
    class: 'harmless',
    matches: (field, { present }) =>
      field === 'terminationMessagePath' && valueOf(present, field) === '/dev/termination-log',
  },
  {
    change:
      '`securityContext` that is weaker: privileged, more capabilities, `allowPrivilegeEscalation`, user 0, `Unconfined`, `procMount`, a writable root',
    madeBy: 'an attacker, or a webhook that changes every container',
    class: 'steering',
    matches: (field, { present }) => field === 'securityContext' && isWeaker(present.securityContext),
  },
  {
    change: '`securityContext` that is other, but not weaker',
    madeBy: 'OpenShift, policies that set users',
    class: 'harmless',
    matches: among('securityContext'),
  },
  {
    change: steeringFields.map((field) => `\`${field}\``).join(', '),
    madeBy: 'an attacker, or a webhook that wraps every container',
    class: 'steering',
    matches: among(...steeringFields),
  },
  {
    change: 'any other field',
    madeBy: 'any webhook',
    class: 'unknown',
    matches: () => true,
  },
]

/** Fields that are compared item by item, or by a rule of their own. */
const comparedElsewhere: ReadonlySet<string> = new Set(['name', 'image', 'env', 'volumeMounts'])

export interface ComparedFields {
  /** Values to be set; undefined takes a field away. Empty where all fields stay. */
  readonly restored: Readonly<Record<string, unknown>>
  readonly changes: readonly PartChange[]
}

export function compareFields(loader: ComparedLoader): ComparedFields {
  const { present, planned } = loader
  const names = [...new Set([...Object.keys(planned), ...Object.keys(present)])].filter(
    (name) => !comparedElsewhere.has(name),
  )
  const restored: Record<string, unknown> = {}
  const changes: PartChange[] = []
  for (const name of names) {
    if (jsonText(valueOf(planned, name)) === jsonText(valueOf(present, name))) continue
    const [expected, found] = [fieldText(planned, name), fieldText(present, name)]
    if (expected === found) continue
    const kind = fieldKinds.find(({ matches }) => matches(name, loader))
    if (kind === undefined) throw new Error(`a field of no kind: ${name}`)
    changes.push(changeOf(kind, name, { expected, found }))
    if (kind.class !== 'harmless') restored[name] = valueOf(planned, name)
  }
  return { restored, changes }
}

function among(...names: readonly string[]): (field: string) => boolean {
  return (field) => names.includes(field)
}

function valueOf(container: Container, field: string): unknown {
  return (container as unknown as Readonly<Record<string, unknown>>)[field]
}

/** Undefined for a field that says nothing: null, empty, or false, which the API server leaves out. */
function fieldText(container: Container, field: string): string | undefined {
  const value = valueOf(container, field)
  if (value === undefined || value === null || value === '' || value === false) return undefined
  if (typeof value === 'object' && Object.keys(value).length === 0) return undefined
  if (field === 'command' || field === 'args') return commandText(value as readonly string[])
  return typeof value === 'string' ? value : canonicalJSON(value)
}

interface SecurityContext {
  readonly privileged?: unknown
  readonly allowPrivilegeEscalation?: unknown
  readonly readOnlyRootFilesystem?: unknown
  readonly runAsNonRoot?: unknown
  readonly runAsUser?: unknown
  readonly procMount?: unknown
  readonly capabilities?: { readonly add?: unknown; readonly drop?: unknown } | null
  readonly seccompProfile?: { readonly type?: unknown } | null
  readonly appArmorProfile?: { readonly type?: unknown } | null
  readonly seLinuxOptions?: { readonly type?: unknown } | null
}

/** Settings that make a context weaker than the restricted Pod Security Standard, or than a read-only root, by the field. */
export const weaknesses = {
  privileged: ({ privileged }) => (privileged ?? false) !== false,
  allowPrivilegeEscalation: ({ allowPrivilegeEscalation }) => allowPrivilegeEscalation !== false,
  readOnlyRootFilesystem: ({ readOnlyRootFilesystem }) => readOnlyRootFilesystem !== true,
  runAsNonRoot: ({ runAsNonRoot }) => runAsNonRoot !== true,
  runAsUser: ({ runAsUser }) => runAsUser === 0,
  procMount: ({ procMount }) => (procMount ?? 'Default') !== 'Default',
  'capabilities.add': ({ capabilities }) => !isEmpty(capabilities?.add),
  'capabilities.drop': ({ capabilities }) => !includesAll(capabilities?.drop),
  'seccompProfile.type': ({ seccompProfile }) => (seccompProfile?.type ?? 'Unconfined') === 'Unconfined',
  'appArmorProfile.type': ({ appArmorProfile }) => appArmorProfile?.type === 'Unconfined',
  // SELinux confines no process of this type (container-selinux).
  'seLinuxOptions.type': ({ seLinuxOptions }) => seLinuxOptions?.type === 'spc_t',
} as const satisfies Readonly<Record<string, (context: SecurityContext) => boolean>>

export type Weakness = keyof typeof weaknesses

/** Anything but a list is refused by the API server. */
function isEmpty(list: unknown): boolean {
  return list === undefined || list === null || (Array.isArray(list) && list.length === 0)
}

function includesAll(list: unknown): boolean {
  return Array.isArray(list) && list.includes('ALL')
}

/** A missing context has every weakness. */
function isWeaker(context: Container['securityContext']): boolean {
  return Object.values(weaknesses).some((isWeak) => isWeak(context ?? {}))
}
