/** `model-injector render`: prints what must exist beside the pods. */
import { Command } from 'commander'
import { companions } from '../deliveries/companions.ts'
import { manifestsCommand } from './render/manifests.ts'
import { renderDeliveryCommand } from './render/delivery-command.ts'

const help = `
With -f it finds out itself what the pods of the manifests need; the other commands are told by flags.
Kubernetes objects go to stdout, ready for kubectl apply -f -; --cloudformation and --commands print the rest, and -o DIRECTORY
writes everything into files. Every decision has its reason beside it, as a comment. What cannot be known is asked for, all at once.

Examples:
  model-injector render -f deployment.yaml --account-id 111122223333 --region eu-west-1 --cluster prod | kubectl apply -f -
  model-injector render -f k8s/ --account-id 111122223333 --region eu-west-1 --cluster prod -o beside/
  model-injector render manifests --help
  model-injector render download --help`

export function renderCommand(): Command {
  const render = new Command('render')
    .description('print what must exist beside the pods: roles, claims, volumes, node pools, image builds')
    .usage('-f FILE [options] | COMMAND [options]')
    .showHelpAfterError('(--help shows the options and examples)')
    .exitOverride()
    .addHelpText('after', help)
  // Its options are those of a command of its own: on this one they would be taken from behind the other commands.
  render.addCommand(manifestsCommand().copyInheritedSettings(render), { isDefault: true })
  for (const [delivery, companion] of Object.entries(companions)) {
    const command = renderDeliveryCommand(delivery, companion)
    if (command !== undefined) render.addCommand(command.copyInheritedSettings(render))
  }
  return render
}
