/** The table of what the policy about values leaves to the webhook, for docs/policies.md. */
import { annotationNames, annotations } from '../src/annotations.ts'
import { printMarkdownTable } from '../src/cli/table.ts'
import type { AnnotationRow } from '../src/values/annotation-row.ts'

export function openValuesInMarkdown(): string {
  const rows = annotationNames.flatMap((name) => {
    const { form }: AnnotationRow<unknown> = annotations[name]
    return form.leavesOpen === undefined ? [] : [[`\`${name}\``, form.leavesOpen]]
  })
  return printMarkdownTable(['annotation', 'only the webhook finds'], rows)
}
