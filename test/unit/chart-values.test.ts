/** The chart's values show the whole configuration, with the defaults that hold without them. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { parse } from 'yaml'
import { configSchema } from '../../src/config/config-schema.ts'

interface Schema {
  readonly description?: string
  readonly default?: unknown
  readonly properties?: Readonly<Record<string, Schema>>
}

type Tree = Readonly<Record<string, unknown>>

const text = readFileSync('deploy/chart/values.yaml', 'utf8')
const { config } = parse(text) as { config: Tree }
const section = /^config:\n((?: .*\n)+)/m.exec(text)?.[1] ?? ''
/** Keys that a user may take in by removing the mark, `# key: value`; the others are descriptions, `# -- …`. */
const commented = section.split('\n').flatMap((line) => /^ *# (\w+: .*)$/.exec(line)?.[1] ?? [])

/** Hold without a value, as the descriptions of the schema say. */
const unset: Readonly<Record<string, unknown>> = {
  'cluster.version': '',
  'mountpoint.headroomGate': false,
  'policy.mode': 'enforce',
  'policy.enforceNamespaces': [],
  'policy.auditNamespaces': [],
  allowWholeBucket: false,
  requireChecksums: false,
  'loader.reuse': 'verify',
}

/** Paths of the settings. Defaults of annotations are one setting: the chart has an open map for them. */
function leavesOf({ properties = {} }: Schema, path = ''): readonly (readonly [path: string, schema: Schema])[] {
  return Object.entries(properties).flatMap(([key, schema]) =>
    schema.properties === undefined || key === 'defaults'
      ? [[path + key, schema] as const]
      : leavesOf(schema, `${path}${key}.`),
  )
}

function at(tree: Tree, path: string): unknown {
  return path.split('.').reduce<unknown>((inner, key) => (inner as Tree | undefined)?.[key], tree)
}

for (const [path, schema] of leavesOf(configSchema)) {
  t.test(`config.${path} is in the values with its default, or in a comment`, (t) => {
    const value = at(config, path)
    const key = path.slice(path.lastIndexOf('.') + 1)
    if (value !== undefined) t.strictSame(value, schema.default ?? unset[path])
    else {
      t.ok(
        commented.some((line) => new RegExp(`(^|[{ ])${key}: `).test(line)),
        'a line shows how it is set',
      )
    }
    t.end()
  })
}

t.test('the values and their comments have no key that the configuration does not know', (t) => {
  const known = leavesOf(configSchema).map(([path]) => path)
  const parents = new Set(known.flatMap((path) => path.split('.')))
  const keysOf = (tree: Tree, path = ''): readonly string[] =>
    Object.entries(tree).flatMap(([key, value]) =>
      known.includes(path + key)
        ? []
        : value !== null && typeof value === 'object' && parents.has(key)
          ? keysOf(value as Tree, `${path}${key}.`)
          : [path + key],
    )
  t.strictSame(keysOf(config), [])
  t.ok(commented.length > 0, 'there is something to read')
  t.strictSame(
    commented.map((line) => line.split(':', 1)[0] ?? '').filter((key) => !parents.has(key)),
    [],
  )
  t.strictSame(
    Object.keys(unset).filter((path) => !known.includes(path)),
    [],
  )
  t.end()
})
