/** Recognises the containers of the product's own loader by their command line. */
import type { EngineCommand } from './engine.ts'

/** True for a container that runs its image's own command with exactly these arguments. */
export function runsImageCommand({ command, args }: EngineCommand, expected: readonly string[]): boolean {
  return (
    (command ?? []).length === 0 &&
    args?.length === expected.length &&
    expected.every((argument, i) => args[i] === argument)
  )
}
