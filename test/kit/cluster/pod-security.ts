/**
 * The restricted Pod Security Standard (k8s.io/pod-security-admission, policy/check_*.go; the checks of `baseline` are
 * part of it), as far as a Linux pod goes. Written after the standard and not after our own core.
 */
interface SecurityContext {
  readonly allowPrivilegeEscalation?: boolean
  readonly privileged?: boolean
  readonly runAsNonRoot?: boolean
  readonly runAsUser?: number
  readonly procMount?: string
  readonly capabilities?: { readonly add?: readonly string[] | null; readonly drop?: readonly string[] | null } | null
  readonly seccompProfile?: { readonly type?: string } | null
  readonly appArmorProfile?: { readonly type?: string } | null
  readonly seLinuxOptions?: { readonly type?: string; readonly user?: string; readonly role?: string } | null
  readonly sysctls?: readonly { readonly name: string }[] | null
  readonly windowsOptions?: { readonly hostProcess?: boolean } | null
}

interface SecuredContainer {
  readonly name: string
  readonly securityContext?: SecurityContext | null
  readonly ports?: readonly { readonly hostPort?: number }[] | null
}

export interface SecuredPod {
  readonly spec: {
    readonly containers: readonly SecuredContainer[]
    readonly initContainers?: readonly SecuredContainer[] | null
    readonly volumes?: readonly { readonly name: string }[] | null
    readonly securityContext?: SecurityContext | null
    readonly hostNetwork?: boolean
    readonly hostPID?: boolean
    readonly hostIPC?: boolean
  }
}

/** Every way in which the pod is not restricted, one line each; none for a pod that is. */
export function restrictedViolations(pod: SecuredPod): string[] {
  const { containers, initContainers, volumes, securityContext } = pod.spec
  const podContext = securityContext ?? {}
  return [
    ...(['hostNetwork', 'hostPID', 'hostIPC'] as const)
      .filter((field) => pod.spec[field] === true)
      .map((field) => `spec.${field} is true`),
    ...podViolations(podContext),
    ...(volumes ?? []).flatMap(volumeViolations),
    ...(initContainers ?? []).flatMap((container) => containerViolations(container, podContext, 'init container')),
    ...containers.flatMap((container) => containerViolations(container, podContext, 'container')),
  ]
}

const volumeTypes = new Set([
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
])

function volumeViolations({ name, ...source }: { readonly name: string }): string[] {
  return Object.keys(source)
    .filter((type) => !volumeTypes.has(type))
    .map((type) => `volume ${name} is a ${type}`)
}

const safeSysctls = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
])

function podViolations(context: SecurityContext): string[] {
  const sysctls = (context.sysctls ?? [])
    .filter(({ name }) => !safeSysctls.has(name))
    .map(({ name }) => `the sysctl ${name} is unsafe`)
  return [...sysctls, ...contextViolations(context, 'the pod')]
}

/** Violations that are possible on the pod and on a container. */
function contextViolations(context: SecurityContext, where: string): string[] {
  const seccomp = context.seccompProfile?.type
  const { type, user, role } = context.seLinuxOptions ?? {}
  return failing([
    [context.runAsUser === 0, `${where} runs as root`],
    [context.runAsNonRoot === false, `${where} allows root`],
    [seccomp !== undefined && !['RuntimeDefault', 'Localhost'].includes(seccomp), `${where} has no seccomp profile`],
    [context.appArmorProfile?.type === 'Unconfined', `${where} has no AppArmor profile`],
    [
      !['', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t'].includes(type ?? ''),
      `${where} sets an SELinux type`,
    ],
    [Boolean(user) || Boolean(role), `${where} sets an SELinux user or role`],
    [context.windowsOptions?.hostProcess === true, `${where} is a host process`],
  ])
}

function containerViolations(container: SecuredContainer, pod: SecurityContext, kind: string): string[] {
  const context = container.securityContext ?? {}
  const where = `${kind} ${container.name}`
  return [
    ...contextViolations(context, where),
    ...capabilityViolations(context, where),
    ...failing([
      [context.privileged === true, `${where} is privileged`],
      [context.allowPrivilegeEscalation !== false, `${where} may escalate privileges`],
      [(context.runAsNonRoot ?? pod.runAsNonRoot) !== true, `${where} is not known to run as non-root`],
      [(context.seccompProfile ?? pod.seccompProfile)?.type === undefined, `${where} has no seccomp profile`],
      [!['Default', undefined].includes(context.procMount), `${where} has an unmasked /proc`],
      [container.ports?.some(({ hostPort = 0 }) => hostPort > 0) === true, `${where} has a host port`],
    ]),
  ]
}

function capabilityViolations({ capabilities }: SecurityContext, where: string): string[] {
  return failing([
    [capabilities?.drop?.includes('ALL') !== true, `${where} does not drop all capabilities`],
    [capabilities?.add?.some((capability) => capability !== 'NET_BIND_SERVICE') === true, `${where} adds capabilities`],
  ])
}

function failing(checks: readonly (readonly [boolean, string])[]): string[] {
  return checks.filter(([fails]) => fails).map(([, violation]) => violation)
}
