/** Compiles JSON schemas to functions. The build does it ahead (deploy/image/bundle.ts): at the start it takes 0.1 s of CPU. */
import { Ajv, type ValidateFunction } from 'ajv'

/** `first` ends at the first problem, as it should where anyone can send a value; `all` collects them with the values. */
type Problems = 'first' | 'all'

const options = { first: {}, all: { allErrors: true, verbose: true } } as const

const compilers = new WeakMap<ValidateFunction, Ajv>()

export function compileSchema<T>(schema: object, problems: Problems): ValidateFunction<T> {
  // The tests hold every schema against the schema of schemas.
  const ajv = new Ajv({
    ...options[problems],
    allowUnionTypes: true,
    validateSchema: false,
    meta: false,
    code: { source: true, esm: true },
  })
  const validate = ajv.compile<T>(schema)
  compilers.set(validate, ajv)
  return validate
}

/** The compiler of a function that `compileSchema` made. */
export function compilerOf(validate: ValidateFunction): Ajv {
  const compiler = compilers.get(validate)
  if (compiler === undefined) throw new Error('this function was not compiled here')
  return compiler
}
