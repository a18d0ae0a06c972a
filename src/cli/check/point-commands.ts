/** Adds the options of the checked cluster to printed commands, since the current context may be another one. */
import type { CheckReport } from '../../check/check-cluster.ts'
import { quoteWord } from '../../values/shell.ts'
import type { ClusterOptions } from '../cluster-options.ts'

export function pointCommands(report: CheckReport, options: ClusterOptions): CheckReport {
  const kubectl = flagsFor(options, '--context')
  if (kubectl === '') return report
  const helm = flagsFor(options, '--kube-context')
  const point = (command: string): string =>
    command
      .replace(/(^|\| )kubectl /g, (_, before: string) => `${before}kubectl ${kubectl} `)
      .replace(/^helm /, () => `helm ${helm} `)
  return {
    ...report,
    sections: report.sections.map((section) => ({
      ...section,
      findings: section.findings.map((finding) =>
        finding.commands === undefined ? finding : { ...finding, commands: finding.commands.map(point) },
      ),
    })),
  }
}

function flagsFor({ kubeconfig, context }: ClusterOptions, contextFlag: string): string {
  return [
    ...(kubeconfig === undefined ? [] : [`--kubeconfig ${quoteWord(kubeconfig)}`]),
    ...(context === undefined ? [] : [`${contextFlag} ${quoteWord(context)}`]),
  ].join(' ')
}
