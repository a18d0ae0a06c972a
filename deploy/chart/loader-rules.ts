/**
 * Rules of the guard about loaders, in CEL: the steering rows of the tables of ownership, as far as a policy can see them.
 */
import { podIdentityDirectory, podIdentityVolume } from '../../src/inject/identity.ts'
import { loaderArgs } from '../../src/inject/loader-command.ts'
import { variableKinds } from '../../src/inject/ownership/loader-env.ts'
import { steeringFields, weaknesses, type Weakness } from '../../src/inject/ownership/loader-fields.ts'
import { protectedPaths } from '../../src/inject/ownership/loader-mounts.ts'
import { dataName, loaderName, loaderRoot, tmpVolume } from '../../src/pod/injected-names.ts'
import { exclusions } from './exclusions.ts'

interface FieldRule {
  /** A condition in CEL on `container`, a loader that has the field changed by others. */
  readonly is: string
  readonly consequence: string
}

const [loadInCel, verifyInCel] = [celList(loaderArgs.load), celList(loaderArgs.verify)]

const otherCode = 'other code could run in the place of the loader'

const fieldRules: Readonly<Record<(typeof steeringFields)[number], FieldRule | undefined>> = {
  command: { is: 'container.?command.orValue([]).size() > 0', consequence: otherCode },
  args: {
    is: `container.?args.orValue([]) != (container.name in variables.downloads ? ${loadInCel} : ${verifyInCel})`,
    consequence: otherCode,
  },
  envFrom: {
    is: 'container.?envFrom.orValue([]).size() > 0',
    consequence: 'variables from elsewhere could steer the loader',
  },
  lifecycle: { is: 'has(container.lifecycle)', consequence: 'other code could run beside the loader' },
  restartPolicy: { is: 'has(container.restartPolicy)', consequence: 'the app could start without its model' },
  // The API server refuses them without a restartPolicy, and older ones do not know the field.
  restartPolicyRules: undefined,
}

/** The end of a condition on `container`, whose security context is weaker in this field. */
const weaknessesInCel: Readonly<Record<Weakness, string>> = {
  privileged: '.?privileged.orValue(false)',
  allowPrivilegeEscalation: '.?allowPrivilegeEscalation.orValue(true)',
  readOnlyRootFilesystem: '.?readOnlyRootFilesystem.orValue(false) == false',
  runAsNonRoot: '.?runAsNonRoot.orValue(false) == false',
  runAsUser: '.?runAsUser.orValue(1) == 0',
  procMount: ".?procMount.orValue('Default') != 'Default'",
  'capabilities.add': '.?capabilities.?add.orValue([]).size() > 0',
  'capabilities.drop': ".?capabilities.?drop.orValue([]).exists(name, name == 'ALL') == false",
  'seccompProfile.type': ".?seccompProfile.?type.orValue('Unconfined') == 'Unconfined'",
  'appArmorProfile.type': ".?appArmorProfile.?type.orValue('') == 'Unconfined'",
  'seLinuxOptions.type': ".?seLinuxOptions.?type.orValue('') == 'spc_t'",
}

export function rulesAboutLoaders(): object {
  const fields = steeringFields.flatMap((field) => {
    const rule = fieldRules[field]
    return rule === undefined ? [] : [{ field, ...rule }]
  })
  const weak = (Object.keys(weaknesses) as Weakness[]).map((field) => ({
    field,
    is: `container.?securityContext${weaknessesInCel[field]}`,
  }))
  return {
    names: { loader: loaderName, data: dataName, root: loaderRoot, tmp: tmpVolume },
    token: { volume: podIdentityVolume, directory: podIdentityDirectory },
    fields,
    weaknesses: weak,
    variables: variableKinds.flatMap(({ guarded }) => (guarded === undefined ? [] : [re2(guarded)])).join('|'),
    protectedPaths: [...protectedPaths, loaderRoot, '/tmp'].map((path) => `${path}/`),
    exclusions: exclusions.map(({ product, variables, exclusion }) => ({
      field: `\\.env\\[(${variables.join('|')})\\]$`,
      text: ` ${product} leaves a pod alone that has ${exclusion}.`,
    })),
  }
}

function re2({ source, flags }: RegExp): string {
  return flags === 'i' ? `(?i:${source})` : source
}

function celList(words: readonly string[]): string {
  return `[${words.map((word) => `'${word}'`).join(', ')}]`
}
