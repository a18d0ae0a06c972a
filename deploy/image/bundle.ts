/**
 * `node deploy/image/bundle.ts [DIRECTORY]`: writes the program to dist/ or DIRECTORY, as few files: to find, read and compile a thousand modules takes longer
 * than most commands work. What can be computed before is: the functions of schemas, and the script of the audit's page.
 */
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import standaloneCode from 'ajv/dist/standalone/index.js'
import type { ValidateFunction } from 'ajv'
import { build as bundle, type Metafile, type Plugin } from 'esbuild'
import { readClientScript } from '../../src/audit/page/client-script.ts'
import { readOutline } from '../../src/cli/completion/outline.ts'
import { readCompletionScript, shells } from '../../src/cli/completion/scripts.ts'
import { compilerOf } from '../../src/compile-schema.ts'
import { nativePackages } from './native-packages.ts'
import { root } from './runtime-lock.ts'

const dist = resolve(process.argv[2] ?? join(root, 'dist'))

/** CommonJS packages ask for Node's own modules in this way. */
const requireOfNode =
  "import { createRequire as $createRequire } from 'node:module'; const require = $createRequire(import.meta.url);"

const computedModules: Plugin = {
  name: 'computed-modules',
  setup: (build) => {
    build.onLoad({ filter: /\/src\/.*\/validate-(?:config|waivers|pod|status)\.ts$/ }, async ({ path }) => ({
      contents: await compiledSchema(path),
      resolveDir: root,
    }))
    build.onLoad({ filter: /\/src\/cli\/completion\/scripts\.ts$/ }, async () => ({
      contents: `const scripts = ${JSON.stringify(await completionScripts())}\nexport const shells = Object.keys(scripts)\nexport const readCompletionScript = async (shell) => scripts[shell]`,
    }))
    build.onLoad({ filter: /\/src\/cli\/completion\/outline\.ts$/ }, async () => ({
      contents: `const outline = ${JSON.stringify(await readOutline())}\nexport const readOutline = async () => outline`,
    }))
    build.onLoad({ filter: /\/src\/audit\/page\/client-script\.ts$/ }, async () => ({
      contents: `const script = ${JSON.stringify(await readClientScript())}\nexport const readClientScript = async () => script`,
    }))
  },
}

/** The one function that the module exports, as code that needs no compiler. */
async function compiledSchema(path: string): Promise<string> {
  const [entry] = Object.entries((await import(path)) as Readonly<Record<string, ValidateFunction>>)
  if (entry === undefined) throw new Error(`${path} exports no function of a schema`)
  const [name, validate] = entry
  return `${standaloneCode.default(compilerOf(validate), validate)}\nexport { validate as ${name} }`
    .replace(/^export const validate = /m, 'const validate = ')
    .replace(/^export default validate.*;$/m, '')
}

async function completionScripts(): Promise<Readonly<Record<string, string>>> {
  return Object.fromEntries(
    await Promise.all(shells.map(async (shell) => [shell, await readCompletionScript(shell)] as const)),
  )
}

/** The licence of each package that is in the bundle, in dist/licenses/: its own text or, without one, what its package.json says. */
async function copyLicenses({ inputs }: Metafile): Promise<void> {
  for (const name of packagesOf(Object.keys(inputs))) {
    const directory = join(root, 'node_modules', name)
    const target = join(dist, 'licenses', name.replaceAll('/', '+'))
    await mkdir(target, { recursive: true })
    const files = (await readdir(directory)).filter((file) => /^(?:licen[cs]e|copying|notice)/i.test(file))
    for (const file of files) await cp(join(directory, file), join(target, file))
    if (files.length === 0) await writeFile(join(target, 'LICENSE'), await statedLicense(directory))
  }
}

async function statedLicense(directory: string): Promise<string> {
  const { name, version, author, license } = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8')) as {
    readonly name: string
    readonly version: string
    readonly author?: unknown
    readonly license?: string
  }
  if (license === undefined) throw new Error(`the package ${name} has no licence`)
  return `${name} ${version}, licence ${license}, author ${JSON.stringify(author ?? 'not named')}\n`
}

function packagesOf(inputs: readonly string[]): readonly string[] {
  const names = inputs.flatMap(
    (input) => /^node_modules\/(.*node_modules\/)?((?:@[^/]+\/)?[^/]+)/.exec(input)?.slice(1).join('') ?? [],
  )
  return [...new Set(names)].sort()
}

/** The program, and what runs on threads of its own: a thread is started from a file in the same directory. */
const entryPoints = ['src/main.ts', 'src/loader/transfer/worker.ts', 'src/server/parse-thread.ts']

await rm(dist, { recursive: true, force: true })
const { metafile } = await bundle({
  absWorkingDir: root,
  entryPoints,
  outdir: dist,
  entryNames: '[name]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  legalComments: 'none',
  banner: { js: requireOfNode },
  external: [...nativePackages],
  plugins: [computedModules],
  metafile: true,
  logLevel: 'warning',
})
await copyLicenses(metafile)
