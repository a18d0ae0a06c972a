/**
 * The share of a pool's connections that a part takes. Small parts wait mostly for their first byte, so many of them are under way
 * at once; large ones fill the line with fewer.
 */

const smallPartBytes = 1024 * 1024
const largeShare = 3

export function shareOf({ length }: { readonly length: number }): number {
  return length <= smallPartBytes ? 1 : largeShare
}
