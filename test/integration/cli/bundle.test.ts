/** The bundle does what the sources do, also where the build computes a module ahead: validators, and the script of the page. */
import { execFile } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { buildProduct } from '../../kit/tools/built-product.ts'
import { inheritedEnvironment, runCLI, type RunResult } from './run-cli.ts'

const directory = t.testdir({
  bundle: {},
  'pod.yaml': `apiVersion: v1
kind: Pod
metadata:
  name: app
  annotations: {models.example.io/inject: "true", models.example.io/source: s3://my-ml-bucket/llama/1.2.3/, models.example.io/service-account: reader}
spec: {containers: [{name: app, image: app}]}
`,
  'malformed.yaml':
    'apiVersion: v1\nkind: Pod\nmetadata: {name: app, annotations: {models.example.io/inject: true}}\nspec: {}\n',
  'config.yaml':
    'annotationPrefix: 7\nloader: {s5cmdPath: [], unknown: 1}\npolicy: {mode: sometimes, rules: [{name: a}, 3]}\n',
  'waivers.yaml': 'waivers: [{pods: {}, judgement: perfect}]\n',
})
const file = (name: string): string => join(directory, name)
const main = await buildProduct(file('bundle'))

function runBundle(args: readonly string[]): Promise<RunResult> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], { env: inheritedEnvironment() }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
    })
  })
}

const commands: Readonly<Record<string, readonly string[]>> = {
  'an injected pod': ['inject', '-f', file('pod.yaml')],
  'a malformed pod': ['inject', '-f', file('malformed.yaml')],
  'all mistakes of a configuration': ['inject', '-f', file('pod.yaml'), '--config', file('config.yaml')],
  'all mistakes of waivers': ['audit', '-f', file('pod.yaml'), '--waivers', file('waivers.yaml')],
  'an audit': ['audit', '-f', file('pod.yaml'), '-o', 'json'],
  'a loader without an environment': ['load', '--termination-log', '/dev/null', '--start-jitter', '0'],
}

for (const [what, args] of Object.entries(commands)) {
  t.test(`${what} comes out as from the sources`, async (t) => {
    const [bundle, source] = await Promise.all([runBundle(args), runCLI(args)])
    t.strictSame(withoutTimes(bundle), withoutTimes(source))
    t.not(`${bundle.stdout}${bundle.stderr}`, '')
  })
}

function withoutTimes({ stdout, ...rest }: RunResult): RunResult {
  return { ...rest, stdout: stdout.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME') }
}

t.test('the page has the same script', async (t) => {
  const scriptOf = async (name: string): Promise<string | undefined> =>
    /<script(?! type="application)[^>]*>([^]*?)<\/script>/.exec(await readFile(file(name), 'utf8'))?.[1]
  await Promise.all([
    runBundle(['audit', '-f', file('pod.yaml'), '--html', file('bundle.html')]),
    runCLI(['audit', '-f', file('pod.yaml'), '--html', file('source.html')]),
  ])
  t.match(await scriptOf('source.html'), /const modules = \{\}/)
  t.equal(await scriptOf('bundle.html'), await scriptOf('source.html'))
})

t.test('every thread that the sources start has its file', (t) => {
  const sources = globSync('src/**/*.ts').map((path) => readFileSync(path, 'utf8'))
  const threads = sources.flatMap((text) =>
    [...text.matchAll(/new URL\(`\.\/([\w-]+)\$\{extname/g)].map(([, name]) => name),
  )
  t.ok(threads.length >= 2)
  for (const name of threads) t.ok(existsSync(file(`bundle/${name ?? ''}.js`)), name ?? '')
  t.end()
})
