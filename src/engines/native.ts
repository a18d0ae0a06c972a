/** The product's own loader, in the product's own image. It can do all that annotations can ask for. */
import { runsImageCommand } from './command-line.ts'
import type { Engine } from './engine.ts'

const args = ['load'] as const

export const native: Engine = {
  command: { args },
  image: ({ defaults }) => defaults.image ?? '',
  runsIn: (container) => runsImageCommand(container, args),
  checkRequest: () => undefined,
}
