/** The product's own loader, in the product's own image. It can do all that annotations can ask for. */
import type { Engine } from './engine.ts'

const args = ['load'] as const

export const native: Engine = {
  command: { args },
  image: ({ defaults }) => defaults.image ?? '',
  runsIn: (container) =>
    (container.command ?? []).length === 0 &&
    container.args?.length === args.length &&
    args.every((arg, i) => container.args?.[i] === arg),
  checkRequest: () => undefined,
}
