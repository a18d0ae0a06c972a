/** `model-injector policy`: tests the operator's policy on pods before it is in force. */
import { Command } from 'commander'
import { printExitCodes } from './exit-codes.ts'
import { withFlags } from './flags.ts'
import { testPolicy } from './policy/test-policy.ts'
import { policyTestTable } from './policy/options.ts'

const help = `
Every pod and every workload is judged as at its admission, by the same code as the webhook's, and so are pods that were
injected already. Rules that allowed none of the models are named on stderr: they are misspelt, superfluous, or about other pods.

A pod whose namespace is in audit mode counts as denied where the policy would deny it; --audit-warn lets it pass. A pod that
the webhook would deny for other mistakes is denied here, too. With --expect denied every pod has to be denied by the policy:
keep what must never run in a directory of its own, and a rule that is too wide fails the build.

${printExitCodes()}

Examples:
  model-injector policy test -f pods/ --config policy.yaml
  model-injector policy test -f pods/denied/ --config policy.yaml --expect denied
  kustomize build . | model-injector policy test -f - --config policy.yaml -n apps -o junit > policy.xml
  kubectl get pods -A -o yaml | model-injector policy test -f - --config policy.yaml -o json`

export function policyCommand(): Command {
  const policy = new Command('policy').showHelpAfterError('(--help shows the options and examples)').exitOverride()
  return policy.addCommand(testCommand().copyInheritedSettings(policy))
}

function testCommand(): Command {
  const command = new Command('test')
    .description('say for each pod what the policy allows or denies, by which rule, and why')
    .addHelpText('after', help)
  return withFlags(command, policyTestTable, testPolicy)
}
