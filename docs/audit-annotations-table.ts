/** The table of audit annotations for docs/queries.md. */
import { auditKeys } from '../src/admission/audit-annotations.ts'
import { printMarkdownTable } from '../src/cli/table.ts'

/** The API server puts the name of the webhook in front. */
const webhook = 'pods.models.example.io'

export function auditAnnotationsInMarkdown(): string {
  return printMarkdownTable(
    ['Annotation', 'Value'],
    Object.entries(auditKeys).map(([key, meaning]) => [`\`${webhook}/${key}\``, meaning]),
  )
}
