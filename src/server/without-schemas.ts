/** Keeps Fastify from loading its compilers of schemas, two thirds of its start: no route of ours has a schema. */
import type { FastifyServerOptions } from 'fastify'

export const withoutSchemas: NonNullable<FastifyServerOptions['schemaController']> = {
  compilersFactory: { buildValidator: refuse, buildSerializer: refuse },
}

function refuse(): never {
  throw new Error('a route has a schema, and the compilers of schemas are left out')
}
