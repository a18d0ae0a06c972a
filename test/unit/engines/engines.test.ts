import t from 'tap'
import type { Config } from '../../../src/config/config.ts'
import { defaultConfig, parseConfig } from '../../../src/config/parse-config.ts'
import { engineByName, runsAnEngine, runsVerifier } from '../../../src/engines/registry.ts'
import { inject } from '../../../src/inject/inject.ts'
import type { Container, Pod } from '../../../src/pod/pod.ts'
import { readStatus } from '../../../src/inject/status.ts'
import { annotatedPod } from '../../../src/inject/annotated-pod.ts'
import { uninject } from '../../../src/inject/ownership/uninject.ts'

const prefix = 'models.example.io/'

function podWith(annotations: Readonly<Record<string, string>>): Pod {
  const all: Record<string, string> = { source: 's3://models/llama/', expect: 'objects=2', size: '1Gi', ...annotations }
  const own = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''))
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'app',
      annotations: Object.fromEntries(Object.entries(own).map(([name, value]) => [prefix + name, value])),
    },
    spec: { containers: [{ name: 'app', image: 'app:1' }] },
  }
}

function injected(pod: Pod, config: Config = defaultConfig): Pod {
  const outcome = inject(pod, 'apps', config)
  if (outcome.outcome !== 'injected') throw new Error(JSON.stringify(outcome))
  return outcome.pod
}

function loaderOf({ spec }: Pod): Container {
  const loader = spec.initContainers?.find(({ name }) => name === 'model-loader')
  if (loader === undefined) throw new Error('no loader')
  return loader
}

function withLoader(pod: Pod, changes: Partial<Container>): Pod {
  return { ...pod, spec: { ...pod.spec, initContainers: [{ ...loaderOf(pod), ...changes }] } }
}

function configOf(text: string): Config {
  const result = parseConfig(text)
  if (!result.ok) throw new Error(result.problems.join('\n'))
  return result.config
}

t.test('the native engine is what runs by default, and nothing is said of it', (t) => {
  const pod = injected(podWith({}))
  t.strictSame({ command: loaderOf(pod).command, args: loaderOf(pod).args }, { command: undefined, args: ['load'] })
  t.equal(readStatus(pod, prefix)?.models[0]?.engine, undefined)
  t.end()
})

t.test('the engine s5cmd runs its script in the stock image, and the status names it', (t) => {
  const pod = injected(podWith({ engine: 's5cmd' }))
  const { command, args, image } = loaderOf(pod)
  t.strictSame(
    { command, args, image },
    { ...engineByName.s5cmd.command, args: undefined, image: 'peakcom/s5cmd:v2.3.0' },
  )
  t.equal(readStatus(pod, prefix)?.models[0]?.engine, 's5cmd')
  t.end()
})

t.test('the script is the same whatever a pod asks for', (t) => {
  const other = podWith({
    engine: 's5cmd',
    source: "s3://models/it's $(touch x)/",
    exclude: '`id`',
    region: 'eu-west-1',
    env: 'MODEL',
  })
  t.strictSame(loaderOf(injected(other)).command, loaderOf(injected(podWith({ engine: 's5cmd' }))).command)
  t.end()
})

t.test("each engine's image is the pod's choice, else the operator's", (t) => {
  const config = configOf(
    'defaults: {image: native:1}\nloader: {s5cmdImage: s5cmd:1}\npolicy: {rules: [{name: all, namespaces: ["*"], images: ["*"]}]}',
  )
  const imageFor = (annotations: Record<string, string>): string | undefined =>
    loaderOf(injected(podWith(annotations), config)).image
  t.equal(imageFor({}), 'native:1')
  t.equal(imageFor({ engine: 's5cmd' }), 's5cmd:1')
  t.equal(imageFor({ engine: 's5cmd', image: 'mine:1' }), 'mine:1')
  t.equal(imageFor({ image: 'mine:1' }), 'mine:1')
  t.end()
})

t.test('a pod with the script of another version is whole', (t) => {
  const pod = injected(podWith({ engine: 's5cmd' }))
  const [shell = '', option = '', script = ''] = loaderOf(pod).command ?? []
  const older = withLoader(pod, { command: [shell, option, script.replace(/\n[^]*$/, '\nexit 0\n')] })
  t.strictSame(inject(older, 'apps', defaultConfig), { outcome: 'skipped', reason: 'AlreadyInjected', warnings: [] })
  t.end()
})

t.test('a script that is not ours is replaced by ours, and the image is left as found', (t) => {
  const pod = injected(podWith({ engine: 's5cmd' }))
  const broken = withLoader(pod, { command: ['/bin/sh', '-c', 'exit 0'], args: ['load'], image: 'mirror:1' })
  const outcome = inject(broken, 'apps', defaultConfig)
  t.match(outcome, { outcome: 'injected', reason: 'Healed' })
  if (outcome.outcome !== 'injected') return t.end()
  const { command, args, image } = loaderOf(outcome.pod)
  t.strictSame({ command, args, image }, { ...engineByName.s5cmd.command, args: [], image: 'mirror:1' })
  t.end()
})

t.test('a native loader whose image was given a command gets its own back', (t) => {
  const pod = injected(podWith({}))
  const outcome = inject(withLoader(pod, { command: ['sleep'], args: [] }), 'apps', defaultConfig)
  if (outcome.outcome !== 'injected') return t.fail('it is healed')
  const { command, args } = loaderOf(outcome.pod)
  t.strictSame({ command, args }, { command: [], args: ['load'] })
  t.end()
})

t.test('uninject takes the script away', (t) => {
  const pod = podWith({ engine: 's5cmd' })
  t.strictSame(uninject(annotatedPod(injected(pod), prefix)).spec, pod.spec)
  t.end()
})

t.test('a pod that changes its engine gets new parts', (t) => {
  const pod = injected(podWith({}))
  const annotations = { ...pod.metadata?.annotations, [`${prefix}engine`]: 's5cmd' }
  const changed = injected({ ...pod, metadata: { ...pod.metadata, annotations } })
  t.strictSame(
    { command: loaderOf(changed).command, args: loaderOf(changed).args },
    { ...engineByName.s5cmd.command, args: undefined },
  )
  t.end()
})

t.test('a container that only resembles an engine is none', (t) => {
  const [shell = '', option = '', script = ''] = engineByName.s5cmd.command.command ?? []
  t.ok(runsAnEngine({ command: [shell, option, script] }))
  t.notOk(runsAnEngine({ command: [shell, option, ` ${script}`] }))
  t.notOk(runsAnEngine({ command: [shell, option, 'true', script] }))
  t.notOk(runsAnEngine({ command: [shell, option, script, 'more'] }))
  t.notOk(runsAnEngine({ command: [shell, option, script], args: ['more'] }))
  t.notOk(runsAnEngine({ command: [shell, '-x', script] }))
  t.notOk(runsAnEngine({ args: ['load', 'more'] }))
  t.notOk(runsAnEngine({}))
  t.end()
})

/* Checking what is mounted */

t.test('a model is checked by the native engine in its own image, whatever engine loads others', (t) => {
  const config = configOf('defaults: {image: "corp/injector:1", engine: s5cmd}\nloader: {s5cmdImage: "corp/s5cmd:1"}')
  const pod = injected(podWith({ 'source.a': 'pvc://models/a' }), config)
  t.strictSame(
    (pod.spec.initContainers ?? []).map(({ image, args }) => [image, args]),
    [
      ['corp/s5cmd:1', undefined],
      ['corp/injector:1', ['load', '--verify']],
    ],
  )
  t.strictSame(
    readStatus(pod, prefix)?.models.map(({ engine, image }) => [engine, image]),
    [
      ['s5cmd', 'corp/s5cmd:1'],
      [undefined, 'corp/injector:1'],
    ],
  )
  t.end()
})

t.test('an image that the pod chose for the native engine checks, too; one for another engine does not', (t) => {
  const config = configOf(
    'defaults: {image: "corp/injector:1"}\npolicy: {rules: [{name: all, namespaces: ["*"], images: ["*"]}]}',
  )
  const images = (engine: string): unknown =>
    injected(podWith({ source: 'pvc://models/a', size: '', image: 'own:1', engine }), config).spec.initContainers?.map(
      ({ image }) => image,
    )
  t.strictSame(images('native'), ['own:1'])
  t.strictSame(images('s5cmd'), ['corp/injector:1'])
  t.end()
})

t.test('loading and checking are distinguished by the command line', (t) => {
  t.ok(runsVerifier({ args: ['load', '--verify'] }) && runsAnEngine({ args: ['load', '--verify'] }))
  for (const container of [
    { args: ['load'] },
    { args: ['--verify', 'load'] },
    { args: ['load', '--verify', 'x'] },
    { command: ['sh'], args: ['load', '--verify'] },
    {},
  ]) {
    t.notOk(runsVerifier(container), JSON.stringify(container))
  }
  t.end()
})
