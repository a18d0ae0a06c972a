/** Formats counts and sizes for people. */
const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** `1 object`, `2 objects`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** Three digits, four where the next unit is not reached. */
export function formatSize(bytes: number): string {
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10))
  const value = bytes / 1024 ** power
  return `${power === 0 || value >= 999.5 ? value.toFixed(0) : value.toPrecision(3)} ${units[power] ?? ''}`
}
