/** The loader's command line and image are the same for both engines; its environment says which one moves the bytes. */
import t from 'tap'
import type { Config } from '../../../src/config/config.ts'
import { defaultConfig, parseConfig } from '../../../src/config/parse-config.ts'
import { annotatedPod } from '../../../src/inject/annotated-pod.ts'
import { inject } from '../../../src/inject/inject.ts'
import { runsLoader, runsVerifier } from '../../../src/inject/loader-command.ts'
import { uninject } from '../../../src/inject/ownership/uninject.ts'
import { readStatus } from '../../../src/inject/read-status.ts'
import { envValue } from '../../../src/pod/injected-names.ts'
import type { Container, Pod } from '../../../src/pod/pod.ts'

const prefix = 'models.example.io/'

function podWith(annotations: Readonly<Record<string, string>>): Pod {
  const all = { source: 's3://models/llama/', expect: 'objects=2', size: '1Gi', ...annotations }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'app',
      annotations: Object.fromEntries(Object.entries(all).map(([name, value]) => [prefix + name, value])),
    },
    spec: { containers: [{ name: 'app', image: 'app:1' }] },
  }
}

function injected(pod: Pod, config: Config = defaultConfig): Pod {
  const outcome = inject(pod, 'apps', config)
  if (outcome.outcome !== 'injected') throw new Error(JSON.stringify(outcome))
  return outcome.pod
}

function loadersOf({ spec }: Pod): readonly Container[] {
  return (spec.initContainers ?? []).filter(({ name }) => name.startsWith('model-loader'))
}

function loaderOf(pod: Pod): Container {
  const [loader] = loadersOf(pod)
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

t.test('the native engine runs by default, and nothing is said of it', (t) => {
  const pod = injected(podWith({}))
  t.strictSame({ command: loaderOf(pod).command, args: loaderOf(pod).args }, { command: undefined, args: ['load'] })
  t.equal(envValue(loaderOf(pod), 'MODEL_ENGINE'), undefined)
  t.equal(readStatus(pod, prefix)?.models[0]?.engine, undefined)
  t.end()
})

t.test('the engine s5cmd is a variable of the same loader, and the status names it', (t) => {
  const pod = injected(podWith({ engine: 's5cmd' }))
  t.strictSame({ ...loaderOf(pod), env: [] }, { ...loaderOf(injected(podWith({}))), env: [] })
  t.equal(envValue(loaderOf(pod), 'MODEL_ENGINE'), 's5cmd')
  t.equal(envValue(loaderOf(pod), 'MODEL_S5CMD_PATH'), undefined)
  t.equal(readStatus(pod, prefix)?.models[0]?.engine, 's5cmd')
  t.end()
})

t.test("the path of the program is the operator's, and said where it is another and the engine needs it", (t) => {
  const pathIn = (engine: string, path: string): string | undefined => {
    const config = configOf(`loader: {s5cmdPath: ${path}}`)
    return envValue(loaderOf(injected(podWith({ engine }), config)), 'MODEL_S5CMD_PATH')
  }
  t.equal(pathIn('s5cmd', '/opt/s5cmd'), '/opt/s5cmd')
  t.equal(pathIn('s5cmd', '/usr/local/bin/s5cmd'), undefined)
  t.equal(pathIn('native', '/opt/s5cmd'), undefined)
  t.end()
})

t.test("the image is the pod's choice, else the operator's, for every loader and engine", (t) => {
  const config = configOf(
    'defaults: {image: "corp/injector:1"}\npolicy: {rules: [{name: all, namespaces: ["*"], images: ["*"]}]}',
  )
  for (const engine of ['native', 's5cmd']) {
    const imagesOf = (annotations: Record<string, string>): readonly unknown[] =>
      loadersOf(injected(podWith({ 'source.a': 'pvc://models/a', engine, ...annotations }), config)).map(
        ({ image, args }) => [image, args],
      )
    for (const [chosen, image] of [
      [{}, 'corp/injector:1'],
      [{ image: 'mine:1' }, 'mine:1'],
    ] as const) {
      t.strictSame(imagesOf(chosen), [
        [image, ['load']],
        [image, ['load', '--verify']],
      ])
    }
  }
  t.end()
})

t.test('a loader that was given a command gets its own back', (t) => {
  const outcome = inject(withLoader(injected(podWith({})), { command: ['sleep'], args: [] }), 'apps', defaultConfig)
  if (outcome.outcome !== 'injected') return t.fail('it is healed')
  const { command, args } = loaderOf(outcome.pod)
  t.strictSame({ command, args }, { command: undefined, args: ['load'] })
  t.end()
})

t.test('a pod that changes its engine gets new parts', (t) => {
  const pod = injected(podWith({}))
  const annotations = { ...pod.metadata?.annotations, [`${prefix}engine`]: 's5cmd' }
  const changed = injected({ ...pod, metadata: { ...pod.metadata, annotations } })
  t.equal(envValue(loaderOf(changed), 'MODEL_ENGINE'), 's5cmd')
  t.strictSame(uninject(annotatedPod(changed, prefix)).spec, podWith({}).spec)
  t.end()
})

t.test('the second program needs memory of its own', (t) => {
  const denialOf = (memory: string, engine: string): string | undefined => {
    const outcome = inject(podWith({ memory, engine }), 'apps', defaultConfig)
    return outcome.outcome === 'denied' ? outcome.reason : undefined
  }
  t.equal(denialOf('200Mi', 'native'), undefined)
  t.equal(denialOf('200Mi', 's5cmd'), 'ResourcesTooSmall')
  t.equal(denialOf('256Mi', 's5cmd'), undefined)
  t.end()
})

t.test('loading and checking are told apart by the command line, and other commands are neither', (t) => {
  t.ok(runsLoader({ args: ['load'] }) && !runsVerifier({ args: ['load'] }))
  t.ok(runsLoader({ args: ['load', '--verify'] }) && runsVerifier({ args: ['load', '--verify'] }))
  for (const container of [
    { args: ['load', 'more'] },
    { args: ['--verify', 'load'] },
    { args: ['load', '--verify', 'x'] },
    { command: ['sh'], args: ['load'] },
    { command: ['/bin/sh', '-c', 'load'] },
    {},
  ]) {
    t.notOk(runsLoader(container), JSON.stringify(container))
  }
  t.end()
})
