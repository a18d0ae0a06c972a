/** Imports go one way, and the core knows nothing of the world: read from the syntax of the sources, not from their names. */
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import ts from 'typescript'

/** From the top down: each may import what stands below it and itself. */
const chain = [
  'main',
  'cli',
  'server',
  'admission',
  'inject',
  'deliveries',
  'request',
  'pod',
  'leaves',
  'loader-contract',
  'values',
]

/**
 * Outside the chain: the imports that each may have, and its importers. The loader runs in other pods than the webhook and stands
 * alone; both read the values of annotations by the same parsers, or they would not mean the same model.
 */
const request = ['deliveries', 'request', 'pod'] as const

const beside: Readonly<
  Record<string, { readonly imports: readonly string[]; readonly importedBy: readonly string[] }>
> = {
  network: { imports: [], importedBy: ['aws', 's3', 'loader', 'publish', 'server'] },
  s3: { imports: ['network', 'values'], importedBy: ['aws', 'loader', 'check', 'publish'] },
  loader: { imports: ['aws', 's3', 'network', 'loader-contract', 'values'], importedBy: ['main', 'cli', 'publish'] },
  cluster: {
    imports: ['leaves', 'values'],
    importedBy: ['main', 'cli', 'check', 'publish', 'companions', 'diagnosis'],
  },
  aws: { imports: ['s3', 'network', 'leaves', 'values'], importedBy: ['main', 'cli', 'loader', 'check'] },
  audit: { imports: ['inject', ...request, 'leaves', 'values'], importedBy: ['main', 'cli'] },
  check: {
    imports: [
      'inject',
      ...request,
      'companions',
      'diagnosis',
      'render',
      'cluster',
      'aws',
      's3',
      'leaves',
      'loader-contract',
      'values',
    ],
    importedBy: ['main', 'cli'],
  },
  companions: {
    imports: [...request, 'diagnosis', 'flags', 'render', 'cluster', 'leaves', 'loader-contract', 'values'],
    importedBy: ['main', 'cli', 'check'],
  },
  diagnosis: { imports: ['cluster', 'values'], importedBy: ['main', 'cli', 'check', 'companions'] },
  flags: { imports: ['leaves', 'values'], importedBy: ['main', 'cli', 'companions', 'render'] },
  render: { imports: ['flags', 'leaves', 'values'], importedBy: ['main', 'cli', 'check', 'companions'] },
  publish: {
    imports: ['loader', 'loader-contract', 'cluster', 's3', 'network', 'leaves', 'values'],
    importedBy: ['main', 'cli'],
  },
}

const leaves =
  /^src\/(?:config\/[^/]+|annotations|compile-schema|reasons|errors|kept-variables|match-conditions|nearest|schema-type|version)\.ts$/

/** Packages that one part alone may import. */
const owners: readonly (readonly [packages: RegExp, owner: string])[] = [
  [/^@kubernetes\/client-node/, 'cluster'],
  [/^@aws-sdk\//, 'aws'],
]

/** All that the core may take from outside; the leaves also make types of schemas, read YAML and measure distances between words. */
const pureImports: Readonly<Record<string, readonly string[]>> = {
  inject: ['node:crypto', 'fast-json-patch'],
  deliveries: ['node:crypto'],
  request: [],
  pod: [],
  leaves: ['node:crypto', 'ajv', 'json-schema-to-ts', 'yaml', 'fastest-levenshtein'],
  values: ['node:crypto'],
}

/** Knows no file, clock, environment, logger or network. */
const core = ['inject', 'deliveries', 'request', 'pod']

/** Names through which a program reaches the world outside or time itself. */
const impureNames = [
  'process',
  'console',
  'Date',
  'performance',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'fetch',
  'globalThis',
  'require',
]

/** In the folder of a delivery only what it injects belongs to the core; the rest checks and renders. */
const injectedByDelivery =
  /^src\/deliveries\/(?:delivery|registry|[a-z-]+\/(?:inject|inject-[a-z-]+)|shared\/(?:claim-volume|verify-task))\.ts$/

function layerOf(path: string): string {
  if (path.startsWith('src/deliveries/')) return injectedByDelivery.test(path) ? 'deliveries' : 'companions'
  // The exit codes are what the loader and those that watch it agree on.
  if (path === 'src/loader-contract.ts' || path === 'src/loader/exit-codes.ts') return 'loader-contract'
  if (leaves.test(path)) return 'leaves'
  return /^src\/main\.ts$/.test(path) ? 'main' : (/^src\/([^/]+)\//.exec(path)?.[1] ?? path)
}

/** Every rule that a source breaks, in words. */
function problemsOf(path: string, text: string): string[] {
  const layer = layerOf(path)
  if (!chain.includes(layer) && !Object.hasOwn(beside, layer)) return [`${path} is in no known part`]
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const imports = ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName)
  const problems = imports.flatMap((name) => importProblem(path, layer, name) ?? [])
  return [...problems, ...(core.includes(layer) ? impurities(source) : [])]
}

function importProblem(path: string, layer: string, name: string): string | undefined {
  if (!name.startsWith('.')) return packageProblem(layer, name)
  const target = layerOf(join(dirname(path), name))
  return mayImport(layer, target) ? undefined : `${layer} imports ${target}: ${name}`
}

function mayImport(layer: string, target: string): boolean {
  if (layer === target) return true
  if (Object.hasOwn(beside, layer)) return beside[layer]?.imports.includes(target) === true
  if (Object.hasOwn(beside, target)) return beside[target]?.importedBy.includes(layer) === true
  return chain.includes(target) && chain.indexOf(target) > chain.indexOf(layer)
}

function packageProblem(layer: string, name: string): string | undefined {
  const owner = owners.find(([packages]) => packages.test(name))?.[1]
  if (owner !== undefined && owner !== layer) return `${layer} imports ${name}, which belongs to ${owner}`
  const allowed = pureImports[layer]
  return allowed === undefined || allowed.includes(name) ? undefined : `${layer} imports ${name}`
}

function impurities(source: ts.SourceFile): string[] {
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    if (
      ts.isAwaitExpression(node) ||
      node.kind === ts.SyntaxKind.AsyncKeyword ||
      node.kind === ts.SyntaxKind.AwaitKeyword
    ) {
      found.push('waits')
    }
    if (ts.isIdentifier(node) && impureNames.includes(node.text) && !isMemberName(node)) found.push(`uses ${node.text}`)
    if (ts.isPropertyAccessExpression(node) && node.getText() === 'Math.random') found.push('uses Math.random')
    ts.forEachChild(node, visit)
  }
  visit(source)
  return [...new Set(found)]
}

/** `outcome.process` and `{ process: 1 }` are no use of the global. */
function isMemberName(node: ts.Identifier): boolean {
  const { parent } = node
  return (
    (ts.isPropertyAccessExpression(parent) && parent.name === node) ||
    (ts.isPropertyAssignment(parent) && parent.name === node) ||
    ts.isPropertySignature(parent)
  )
}

const paths = globSync('src/**/*.ts').sort()

/** The files that each file imports, types included: what only types tie together is no easier to take apart. */
function importGraph(files: ReadonlyMap<string, string>): ReadonlyMap<string, readonly string[]> {
  return new Map(
    [...files].map(([path, text]) => [
      path,
      ts
        .preProcessFile(text, true, true)
        .importedFiles.filter(({ fileName }) => fileName.startsWith('.'))
        .map(({ fileName }) => join(dirname(path), fileName))
        .filter((target) => files.has(target)),
    ]),
  )
}

/** Each circle once, as the files along it; depth first, so linear in files and imports. */
function circlesIn(graph: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const circles: string[] = []
  const done = new Set<string>()
  const path: string[] = []
  const visit = (file: string): void => {
    const start = path.indexOf(file)
    if (start >= 0) circles.push([...path.slice(start), file].join(' → '))
    if (start >= 0 || done.has(file)) return
    path.push(file)
    for (const target of graph.get(file) ?? []) visit(target)
    path.pop()
    done.add(file)
  }
  for (const file of graph.keys()) visit(file)
  return circles
}

t.test('no file imports itself by way of others', (t) => {
  t.strictSame(circlesIn(importGraph(new Map(paths.map((path) => [path, readFileSync(path, 'utf8')])))), [])
  const made = new Map([
    ['src/a.ts', "import { b } from './b.ts'"],
    ['src/b.ts', "import type { C } from './c.ts'"],
    ['src/c.ts', "export { a } from './a.ts'"],
  ])
  t.strictSame(circlesIn(importGraph(made)), ['src/a.ts → src/b.ts → src/c.ts → src/a.ts'])
  t.end()
})

t.test('there is something to read', (t) => {
  for (const part of ['inject', 'deliveries', 'request', 'leaves', 'values']) {
    t.ok(paths.filter((path) => layerOf(path) === part).length > 5, part)
  }
  t.end()
})

for (const path of paths) {
  t.test(`${path} imports downwards only`, (t) => {
    t.strictSame(problemsOf(path, readFileSync(path, 'utf8')), [])
    t.end()
  })
}

const broken: readonly [path: string, text: string, problem: string][] = [
  [
    'src/inject/plan.ts',
    "import { x } from '../admission/review.ts'",
    'inject imports admission: ../admission/review.ts',
  ],
  [
    'src/deliveries/download/inject.ts',
    "import type { X } from '../../server/server.ts'",
    'deliveries imports server: ../../server/server.ts',
  ],
  ['src/values/path.ts', "import { x } from '../inject/pod.ts'", 'values imports inject: ../inject/pod.ts'],
  ['src/config/config.ts', "export { x } from '../cli/serve.ts'", 'leaves imports cli: ../cli/serve.ts'],
  ['src/admission/review.ts', "import '../server/server.ts'", 'admission imports server: ../server/server.ts'],
  ['src/server/server.ts', "const x = await import('../cli/serve.ts')", 'server imports cli: ../cli/serve.ts'],
  ['src/cli/serve.ts', "import '../main.ts'", 'cli imports main: ../main.ts'],
  [
    'src/loader/load.ts',
    "import { parseConfig } from '../config/config.ts'",
    'loader imports leaves: ../config/config.ts',
  ],
  [
    'src/loader/load.ts',
    "import { envValue } from '../inject/ownership/own-loaders.ts'",
    'loader imports inject: ../inject/ownership/own-loaders.ts',
  ],
  ['src/inject/loader.ts', "import { load } from '../loader/load.ts'", 'inject imports loader: ../loader/load.ts'],
  ['src/server/server.ts', "import { sts } from '../aws/sts.ts'", 'server imports aws: ../aws/sts.ts'],
  ['src/admission/x.ts', "import { y } from '../cluster/client.ts'", 'admission imports cluster: ../cluster/client.ts'],
  ['src/cluster/client.ts', "import { y } from '../inject/inject.ts'", 'cluster imports inject: ../inject/inject.ts'],
  [
    'src/cli/check.ts',
    "import { KubeConfig } from '@kubernetes/client-node'",
    'cli imports @kubernetes/client-node, which belongs to cluster',
  ],
  [
    'src/cluster/client.ts',
    "import { STSClient } from '@aws-sdk/client-sts'",
    'cluster imports @aws-sdk/client-sts, which belongs to aws',
  ],
  ['src/inject/plan.ts', "import { readFileSync } from 'node:fs'", 'inject imports node:fs'],
  ['src/inject/plan.ts', "import { pino } from 'pino'", 'inject imports pino'],
  ['src/inject/plan.ts', "import { parse } from 'yaml'", 'inject imports yaml'],
  ['src/values/path.ts', "import { readFileSync } from 'node:fs'", 'values imports node:fs'],
  ['src/config/config.ts', "import { readFileSync } from 'node:fs'", 'leaves imports node:fs'],
  ['src/values/path.ts', "import { annotations } from '../annotations.ts'", 'values imports leaves: ../annotations.ts'],
  ['src/inject/plan.ts', 'export const x = await y', 'waits'],
  ['src/inject/plan.ts', 'async function x() {}', 'waits'],
  ['src/inject/plan.ts', 'async function x() { for await (const y of z) y() }', 'waits'],
  ['src/inject/plan.ts', 'const x = process.env.HOME', 'uses process'],
  ['src/inject/plan.ts', 'const { env } = process', 'uses process'],
  ['src/inject/plan.ts', 'const x = Date.now()', 'uses Date'],
  ['src/inject/plan.ts', 'const x = new Date()', 'uses Date'],
  ['src/inject/plan.ts', 'const x = Math.random()', 'uses Math.random'],
  ['src/inject/plan.ts', 'console.log(1)', 'uses console'],
  ['src/elsewhere/x.ts', '', 'src/elsewhere/x.ts is in no known part'],
]

for (const [path, text, problem] of broken) {
  t.test(`it would notice that ${JSON.stringify(text)} stands in ${path}`, (t) => {
    t.ok(problemsOf(path, text).includes(problem), problemsOf(path, text).join('; '))
    t.end()
  })
}

const fine: readonly [path: string, text: string][] = [
  ['src/main.ts', "import { run } from './cli/run.ts'"],
  [
    'src/cli/serve.ts',
    "import { x } from '../inject/inject.ts'\nimport { readFile } from 'node:fs/promises'\nawait readFile('x')\nconsole.log(process.env)",
  ],
  ['src/cli/check.ts', "import { x } from '../cluster/client.ts'"],
  ['src/cluster/client.ts', "import { KubeConfig } from '@kubernetes/client-node'"],
  [
    'src/loader/load.ts',
    "import { x } from './journal.ts'\nimport { open } from 'node:fs/promises'\nimport { s3 } from '../s3/s3.ts'\nimport { parseSource } from '../values/source.ts'",
  ],
  ['src/cli/load.ts', "import { load } from '../loader/load.ts'"],
  ['src/inject/deliveries/x.ts', "import { createHash } from 'node:crypto'\nimport { x } from '../../values/path.ts'"],
  [
    'src/inject/plan.ts',
    "// await process.env, Date.now()\nconst words = 'console.log(Math.random())'\nconst x = { process: 1 }.process",
  ],
]

for (const [path, text] of fine) {
  t.test(`it lets pass what is allowed in ${path}: ${JSON.stringify(text).slice(0, 50)}`, (t) => {
    t.strictSame(problemsOf(path, text), [])
    t.end()
  })
}
