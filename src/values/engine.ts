/** The engines of a download, and the place of the one that is a program of its own. */
export const engines = ['native', 's5cmd'] as const
export type EngineName = (typeof engines)[number]

/** As the image of the product has it. */
export const defaultS5cmdPath = '/usr/local/bin/s5cmd'
