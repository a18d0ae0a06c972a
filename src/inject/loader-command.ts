/** The command lines of the loader, in the product's own image: whatever the engine, which its environment names. */
import type { LoaderTaskKind } from '../loader-contract.ts'
import type { Container } from '../pod/pod.ts'

export const loaderArgs = { load: ['load'], verify: ['load', '--verify'] } as const satisfies Record<
  LoaderTaskKind,
  readonly string[]
>

/** Both lists together are a command line; without a command it is the image's own. */
type CommandLine = Pick<Container, 'command' | 'args'>

/** True for a container that downloads a model or checks one. */
export function runsLoader(container: CommandLine): boolean {
  return runsImageCommand(container, loaderArgs.load) || runsVerifier(container)
}

/** True for a container that checks a model instead of downloading it. */
export function runsVerifier(container: CommandLine): boolean {
  return runsImageCommand(container, loaderArgs.verify)
}

/** True for a container that runs its image's own command with exactly these arguments. */
function runsImageCommand({ command, args }: CommandLine, expected: readonly string[]): boolean {
  return (
    (command ?? []).length === 0 &&
    args?.length === expected.length &&
    expected.every((argument, i) => args[i] === argument)
  )
}
