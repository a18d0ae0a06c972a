/** `model-injector render`: prints the companion resources of pods. */
import { Command } from 'commander'
import { companions } from '../deliveries/companions.ts'
import { manifestsCommand } from './render/manifests.ts'
import { renderDeliveryCommand } from './render/delivery-command.ts'

const help = `
With -f it reads from the manifests what their pods need; the other commands take it from flags.
Kubernetes objects go to stdout, ready for kubectl apply -f -; --cloudformation and --commands print the rest, and -o DIRECTORY
writes everything into files. Every decision has its reason as a comment. All missing values are asked for at once.

Examples:
  model-injector render -f deployment.yaml --account-id 111122223333 --region eu-west-1 --cluster prod | kubectl apply -f -
  model-injector render -f k8s/ --account-id 111122223333 --region eu-west-1 --cluster prod -o companions/
  model-injector render manifests --help
  model-injector render download --help`

export function renderCommand(): Command {
  const render = new Command('render')
    .usage('-f FILE [options] | COMMAND [options]')
    .showHelpAfterError('(--help shows the options and examples)')
    .exitOverride()
    .addHelpText('after', help)
  // A command of its own has the options of -f: on `render` itself they would also be taken after the name of another command.
  const manifests = manifestsCommand().copyInheritedSettings(render)
  // A misspelt command arrives there as an argument.
  render.addCommand(manifests.allowExcessArguments(), { isDefault: true })
  for (const [delivery, companion] of Object.entries(companions)) {
    const command = renderDeliveryCommand(delivery, companion)
    if (command !== undefined) render.addCommand(command.copyInheritedSettings(render))
  }
  return render
}
