/**
 * Writes what is made from the code between the markers of the pages; with --check it changes nothing and fails if a
 * page is out of date.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { auditAnnotationsInMarkdown } from './audit-annotations-table.ts'
import {
  commandExitsInMarkdown,
  environmentInMarkdown,
  auditFormatsInMarkdown,
  loadOptionsInMarkdown,
  renderCommandsInMarkdown,
  waiversInMarkdown,
} from './command-tables.ts'
import { exclusionsInMarkdown } from './exclusions-table.ts'
import { keptVariablesInMarkdown } from './kept-variables-table.ts'
import { metricsInMarkdown } from './metrics-table.ts'
import { changeClassesInMarkdown, changesInMarkdown } from './ownership-table.ts'
import { partsInMarkdown } from './parts-table.ts'
import { peersInMarkdown } from './peers-table.ts'
import { readerRoleInMarkdown } from './reader-table.ts'
import { conformanceInMarkdown, limitsInMarkdown } from '../test/loader/conformance-table.ts'
import { installationChecks } from '../src/diagnosis/installation-checks.ts'
import { deliveryChecks } from '../src/deliveries/companions.ts'
import { identityChecks } from '../src/check/identity/checks.ts'
import { preChecks } from '../src/check/pre/checks.ts'
import { liveChecks } from '../src/check/why/live/live-checks.ts'
import { checksInMarkdown } from '../src/cli/check/check-report.ts'
import {
  annotationsInBrief,
  annotationsInMarkdown,
  exitsInMarkdown,
  judgementsInMarkdown,
  loaderVariablesInMarkdown,
  reasonsInMarkdown,
} from '../src/cli/reference.ts'
import { openValuesInMarkdown } from './value-forms-table.ts'
import { podFailurePolicyInMarkdown } from './pod-failure-policy.ts'
import { configurationInMarkdown } from './configuration-table.ts'
import { kindsInMarkdown } from './kinds-table.ts'

const root = join(import.meta.dirname, '..')
const isCheck = process.argv.includes('--check')

generate('README.md', 'annotations', annotationsInBrief())
generate('docs/annotations.md', 'annotations', annotationsInMarkdown())
generate('docs/annotations.md', 'parts', partsInMarkdown())
generate('docs/manifests.md', 'kinds', kindsInMarkdown())
generate('docs/metrics.md', 'metrics', await metricsInMarkdown())
generate('docs/configuration.md', 'keys', configurationInMarkdown())
generate('docs/reasons.md', 'reasons', reasonsInMarkdown())
generate('docs/loader.md', 'exits', exitsInMarkdown())
generate('docs/loader.md', 'options', loadOptionsInMarkdown())
generate('docs/loader.md', 'environment', loaderVariablesInMarkdown())
generate('docs/loader.md', 'kept', keptVariablesInMarkdown())
generate('docs/loader.md', 'policy', podFailurePolicyInMarkdown())
generate('docs/audit.md', 'judgements', judgementsInMarkdown())
generate('docs/audit.md', 'waivers', waiversInMarkdown())
generate('docs/README.md', 'exits', commandExitsInMarkdown())
generate('docs/README.md', 'environment', environmentInMarkdown())
generate('docs/audit.md', 'outputs', auditFormatsInMarkdown())
generate('docs/security.md', 'classes', changeClassesInMarkdown())
generate('docs/security.md', 'changes', changesInMarkdown())
generate('docs/policies.md', 'exclusions', exclusionsInMarkdown())
generate('docs/policies.md', 'open-values', openValuesInMarkdown())
generate('docs/queries.md', 'audit-annotations', auditAnnotationsInMarkdown())
generate('docs/other-webhooks.md', 'peers', await peersInMarkdown())
generate('docs/render.md', 'commands', renderCommandsInMarkdown())
generate('docs/troubleshooting.md', 'reader', readerRoleInMarkdown())
generate('docs/conformance.md', 'cannot', limitsInMarkdown())
generate('docs/conformance.md', 'conformance', conformanceInMarkdown())
generate('docs/checks.md', 'checks', checksInMarkdown(installationChecks))
generate('docs/checks.md', 'pre-checks', checksInMarkdown(preChecks))
generate('docs/checks.md', 'delivery-checks', checksInMarkdown(deliveryChecks))
generate('docs/checks.md', 'identity-checks', checksInMarkdown(identityChecks))
generate('docs/checks.md', 'live-checks', checksInMarkdown(liveChecks))

function generate(page: string, marker: string, text: string): void {
  const file = join(root, page)
  const before = readFileSync(file, 'utf8')
  const after = fill(page, before, marker, text)
  if (before === after) return
  if (!isCheck) {
    writeFileSync(file, after)
    return
  }
  process.stderr.write(`${page} is out of date: run make generate\n`)
  process.exitCode = 1
}

function fill(page: string, content: string, marker: string, text: string): string {
  const [begin, end] = [`<!-- ${marker} -->\n`, `<!-- /${marker} -->`]
  const start = content.indexOf(begin)
  const stop = content.indexOf(end, start)
  if (start < 0 || stop < 0) throw new Error(`${page} has no ${begin.trim()} with its ${end}`)
  return `${content.slice(0, start + begin.length)}${text}${content.slice(stop)}`
}
