/** Findings about an installation. */
import { findingsAbout } from '../diagnosis/finding.ts'
import { installationChecks } from '../diagnosis/installation-checks.ts'

export type InstallationCheckId = keyof typeof installationChecks

export const { ok, warning, error, unchecked } = findingsAbout(installationChecks)
