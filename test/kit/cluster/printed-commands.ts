/** Runs commands that a finding prints, as a person pastes them into a shell, with the Helm of one's choice. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { kubectlBinary } from '../tools/helm.ts'
import type { TestCluster } from './cluster.ts'

/** Throws with what a command wrote where it fails. */
export async function runPrinted(
  { controlPlane }: TestCluster,
  commands: readonly string[],
  helm: string,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'printed-'))
  try {
    await symlink(helm, join(directory, 'helm'))
    await symlink(await kubectlBinary(), join(directory, 'kubectl'))
    const env = { PATH: `${directory}:/usr/bin:/bin`, HOME: directory, KUBECONFIG: controlPlane.kubeConfigFile }
    for (const command of commands) {
      await promisify(execFile)('bash', ['-c', `set -o pipefail; ${command}`], { env })
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
