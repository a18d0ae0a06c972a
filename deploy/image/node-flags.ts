/** The flags and variables with which the image starts Node. */

/** Without it SIGUSR1 opens Node's inspector, whose clients run any code in the process: beside credentials, or where pods are changed. */
export const imageNodeFlags = ['--disable-sigusr1'] as const

/**
 * For one command, beside those of all. An admission leaves 150 to 500 KB of garbage; with the 16 MB that V8 takes for new objects
 * on each side by itself, the webhook holds 180 MB instead of 128 (bench/memory.ts; the CPU time of both is in bench/RESULTS.md).
 */
export const commandNodeFlags = { serve: ['--max-semi-space-size=4'] } as const

/**
 * Read by the C library before the product's first line. With an arena for each thread what a burst of connections took is kept:
 * freed parts of many arenas are of no use to others.
 */
export const commandVariables = { serve: { MALLOC_ARENA_MAX: '1' } } as const
