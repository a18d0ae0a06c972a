/** The policy for Jobs with a model, for docs/loader.md. */
import { printYAML } from '../src/cli/manifests/yaml.ts'
import { exits } from '../src/loader/exit-codes.ts'

/** A Job ends at once at exit codes that a retry cannot change. */
export function podFailurePolicyInMarkdown(): string {
  const values = Object.values(exits)
    .filter(({ heals }) => !heals)
    .map(({ code }) => code)
  const rule = { action: 'FailJob', onExitCodes: { containerName: 'model-loader', operator: 'In', values } }
  return `\`\`\`yaml\n${printYAML({ podFailurePolicy: { rules: [rule] } })}\`\`\`\n`
}
