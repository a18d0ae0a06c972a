/** Adds to a finding the command that writes what the release says again, where the installation is a release of Helm. */
import type { Finding } from '../diagnosis/finding.ts'
import { withCommands } from '../diagnosis/finding.ts'
import { releaseOf, restoreRelease, type Release } from '../diagnosis/helm-commands.ts'
import { valueOf } from '../diagnosis/lookup.ts'
import type { Survey } from './survey.ts'

type Installed = Pick<Survey, 'registration' | 'deployment' | 'service'>

function installedRelease({ registration, deployment, service }: Installed): Release | undefined {
  const objects = [valueOf(registration), valueOf(deployment), valueOf(service)]
  return objects.flatMap((object) => (object === undefined ? [] : (releaseOf(object) ?? [])))[0]
}

/** `before`: commands that make way for it. Without a release the remedy has to say enough. */
export function restoredBy(finding: Finding, installed: Installed, ...before: readonly string[]): Finding {
  const release = installedRelease(installed)
  return release === undefined ? finding : withCommands(finding, ...before, restoreRelease(release))
}
