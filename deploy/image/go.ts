/** Builds Go programs for the image from the modules in this directory, and those of the tests in the same way. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Architecture } from './runtime-lock.ts'

/** Static, so that it runs on any C library, and the same from any directory. GOTOOLCHAIN: no other Go is downloaded. */
export const goEnvironment = { GOTOOLCHAIN: 'local', CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off' }
export const goBuild = ['build', '-mod=readonly', '-trimpath', '-buildvcs=false']

/** `module` is the directory of go.mod. Returns the output. */
export async function runGo(args: readonly string[], module: URL, architecture: Architecture): Promise<string> {
  const env = { ...process.env, ...goEnvironment, GOOS: 'linux', GOARCH: architecture }
  return (await promisify(execFile)('go', args, { cwd: fileURLToPath(module), env })).stdout
}
