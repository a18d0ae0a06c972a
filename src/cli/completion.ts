/** `model-injector completion`: the script that completes commands, options and their values in a shell. */
import { Command } from 'commander'
import { suggestion } from '../nearest.ts'
import { quote } from '../values/print/printable.ts'
import { readCompletionScript, shells } from './completion/scripts.ts'
import { addWordsOfArgument } from './flags.ts'
import { pluginCompletionFile } from './invocation.ts'

const help = `
Load it in each new shell:
  bash  echo 'source <(model-injector completion bash)' >> ~/.bashrc
  zsh   echo 'source <(model-injector completion zsh)' >> ~/.zshrc       # below compinit
  fish  model-injector completion fish > ~/.config/fish/completions/model-injector.fish

kubectl completes \`kubectl model-injector\` with its own script, by the program ${pluginCompletionFile},
which npm installs beside model-injector.

Examples:
  model-injector completion bash
  model-injector completion fish | source`

export function completionCommand(): Command {
  const command = new Command('completion').argument('<shell>', shells.join(', ')).addHelpText('after', help)
  addWordsOfArgument(command, Object.fromEntries(shells.map((shell) => [shell, ''])))
  return command.action(async (name: string) => {
    const shell = shells.find((known) => known === name)
    if (shell === undefined) {
      command.error(`error: ${quote(name)} is none of ${shells.join(', ')}${suggestion(name, shells, '; ')}`)
    } else process.stdout.write(await readCompletionScript(shell))
  })
}
