/**
 * Checks a model that is already on a volume. Always the product's own loader, whatever engine loads other models of
 * the pod: the stock image of s5cmd has nothing to check with.
 */
import { runsImageCommand } from './command-line.ts'
import type { Engine } from './engine.ts'
import { native } from './native.ts'

const args = ['load', '--verify'] as const

export const verifier: Engine = {
  command: { args },
  image: (config) => native.image(config),
  runsIn: (container) => runsImageCommand(container, args),
  checkRequest: () => undefined,
}
