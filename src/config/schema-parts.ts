/** Shapes that several settings have. */
export const strings = { type: 'array', items: { type: 'string', minLength: 1 } } as const
export const nonEmptyStrings = { ...strings, minItems: 1 } as const
