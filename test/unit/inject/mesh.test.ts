import t from 'tap'
import { defaultConfig } from '../../../src/config/parse-config.ts'
import { inject, type Outcome } from '../../../src/inject/inject.ts'
import {
  hasNetworkAt,
  interceptsEverybody,
  loaderIndex,
  loadersHaveNetwork,
  userPastInterception,
} from '../../../src/inject/mesh/mesh.ts'
import type { Container, Pod } from '../../../src/pod/pod.ts'
import { mesh, type MeshMode } from '../../kit/cluster/meshes.ts'
import { podWith } from '../../kit/webhook/pods.ts'

const init: Container[] = [{ name: 'migrate' }, { name: 'wait' }]

function injected(pod: Pod): Extract<Outcome, { outcome: 'injected' }> {
  const outcome = inject(pod, 'team', defaultConfig)
  if (outcome.outcome !== 'injected') throw new Error(JSON.stringify(outcome))
  return outcome
}

function names(pod: Pod): string {
  return (pod.spec.initContainers ?? []).map(({ name }) => name).join(' ')
}

function userOf(pod: Pod): unknown {
  return pod.spec.initContainers?.find(({ name }) => name === 'model-loader')?.securityContext?.runAsUser
}

const placed: readonly [mode: MeshMode, order: string, user: number][] = [
  ['istio-native', 'istio-init istio-proxy model-loader migrate wait', 65532],
  ['istio-init', 'model-loader migrate wait istio-init', 65532],
  ['istio-cni', 'model-loader istio-validation migrate wait', 1337],
  ['istio-tproxy', 'model-loader istio-validation migrate wait', 65532],
  ['linkerd-native', 'linkerd-init linkerd-proxy model-loader migrate wait', 65532],
  ['linkerd-init', 'model-loader migrate wait linkerd-init', 65532],
  ['linkerd-cni', 'model-loader linkerd-network-validator migrate wait', 2102],
]

for (const [mode, order, user] of placed) {
  t.test(`with ${mode} the init containers are ${order}, and the loader runs as ${user}`, (t) => {
    const { pod } = injected(mesh(podWith({ source: 's3://models/llama/' }, { initContainers: init }), mode))
    t.equal(names(pod), order)
    t.equal(userOf(pod), user)
    t.end()
  })

  t.test(`if ${mode} comes after us, the loader has network and user after one more pass`, (t) => {
    const first = injected(podWith({ source: 's3://models/llama/' }, { initContainers: init })).pod
    const meshed = mesh(first, mode)
    const second = inject(meshed, 'team', defaultConfig)
    const pod = second.outcome === 'injected' ? second.pod : meshed
    t.equal(second.reason, user === 65532 ? 'AlreadyInjected' : 'MovedForMesh')
    t.ok(loadersHaveNetwork(pod))
    t.equal(userOf(pod), user)
    t.equal(inject(pod, 'team', defaultConfig).reason, 'AlreadyInjected')
    t.end()
  })
}

const moved: readonly [name: string, others: (loader: Container) => Container[], expected: string][] = [
  [
    'in front of a native proxy',
    (loader) => [loader, { name: 'migrate' }, { name: 'istio-proxy', restartPolicy: 'Always' }, { name: 'wait' }],
    'migrate istio-proxy model-loader wait',
  ],
  [
    'after a redirecting container',
    (loader) => [{ name: 'migrate' }, { name: 'linkerd-init' }, loader],
    'model-loader migrate linkerd-init',
  ],
]

for (const [name, others, expected] of moved) {
  t.test(`a loader that another webhook left ${name} is moved and nothing else is`, (t) => {
    const first = injected(podWith({ source: 's3://models/llama/' })).pod
    const misplaced: Pod = {
      ...first,
      spec: { ...first.spec, initContainers: (first.spec.initContainers ?? []).flatMap(others) },
    }
    const second = injected(misplaced)
    t.equal(second.reason, 'MovedForMesh')
    t.equal(names(second.pod), expected)
    t.strictSame({ ...second.pod.spec, initContainers: [] }, { ...misplaced.spec, initContainers: [] })
    t.strictSame(
      second.patch.map(({ op }) => op),
      ['remove', 'add'],
    )
    t.equal(inject(second.pod, 'team', defaultConfig).reason, 'AlreadyInjected')
    t.end()
  })
}

for (const [mode] of placed) {
  t.test(
    `a loader that only checks stands first and keeps its user with ${mode}, in any order of the webhooks`,
    (t) => {
      const pod = podWith({ source: 'pvc://models/llama' }, { initContainers: init })
      const before = injected(mesh(pod, mode))
      t.equal(names(before.pod), ['model-loader', ...names(mesh(pod, mode)).split(' ')].join(' '))
      t.equal(userOf(before.pod), 65532)
      t.strictSame(before.warnings, [])
      t.equal(inject(mesh(injected(pod).pod, mode), 'team', defaultConfig).reason, 'AlreadyInjected')
      t.end()
    },
  )
}

t.test('loaders that bring and loaders that check stay together, where those that bring have network', (t) => {
  const pod = podWith(
    { 'source.a': 'pvc://models/a', 'source.b': 's3://models/b/', 'source.c': 'pvc://models/c' },
    { initContainers: init },
  )
  const expected = 'istio-init istio-proxy model-loader-a model-loader-b model-loader-c migrate wait'
  t.equal(names(injected(mesh(pod, 'istio-native')).pod), expected)
  const cni = injected(mesh(pod, 'istio-cni')).pod.spec.initContainers ?? []
  t.strictSame(
    cni.slice(0, 3).map(({ securityContext }) => securityContext?.runAsUser),
    [65532, 1337, 65532],
    'only traffic needs the user of the proxy',
  )
  const first = injected(pod).pod
  const proxy = { name: 'istio-proxy', restartPolicy: 'Always' }
  const late: Pod = { ...first, spec: { ...first.spec, initContainers: [...(first.spec.initContainers ?? []), proxy] } }
  t.equal(names(injected(late).pod), 'migrate wait istio-proxy model-loader-a model-loader-b model-loader-c')
  t.end()
})

t.test('init-order is obeyed by a loader that only checks, without a warning about network', (t) => {
  const outcome = injected(
    mesh(podWith({ source: 'pvc://models/llama', 'init-order': 'last' }, { initContainers: init }), 'istio-init'),
  )
  t.equal(names(outcome.pod), 'migrate wait istio-init model-loader')
  t.strictSame(outcome.warnings, [])
  t.end()
})

t.test('without a mesh the loader is first', (t) => {
  t.equal(
    names(injected(podWith({ source: 's3://models/llama/' }, { initContainers: init })).pod),
    'model-loader migrate wait',
  )
  t.end()
})

t.test('several loaders stand together, the unsuffixed one first', (t) => {
  const pod = podWith(
    { 'source.b': 's3://models/b/', 'source.a': 's3://models/a/', source: 's3://models/x/' },
    { initContainers: init },
  )
  t.equal(
    names(injected(mesh(pod, 'linkerd-native')).pod),
    'linkerd-init linkerd-proxy model-loader model-loader-a model-loader-b migrate wait',
  )
  t.end()
})

const chosen: readonly [mode: MeshMode, order: 'first' | 'last', names: string, warned: boolean][] = [
  ['istio-native', 'first', 'model-loader istio-init istio-proxy migrate wait', false],
  ['istio-native', 'last', 'istio-init istio-proxy migrate wait model-loader', false],
  ['istio-init', 'first', 'model-loader migrate wait istio-init', false],
  ['istio-init', 'last', 'migrate wait istio-init model-loader', true],
  ['linkerd-init', 'last', 'migrate wait linkerd-init model-loader', true],
]

for (const [mode, order, expected, warned] of chosen) {
  t.test(
    `init-order ${order} with ${mode} is obeyed ${warned ? 'with' : 'without'} a warning that there is no network`,
    (t) => {
      const outcome = injected(
        mesh(podWith({ source: 's3://models/llama/', 'init-order': order }, { initContainers: init }), mode),
      )
      t.equal(names(outcome.pod), expected)
      t.equal(
        outcome.warnings.some(({ reason }) => reason === 'NoNetworkBeforeMesh'),
        warned,
      )
      t.equal(
        inject(mesh(outcome.pod, mode), 'team', defaultConfig).reason,
        'AlreadyInjected',
        'and is not repaired later',
      )
      t.end()
    },
  )
}

t.test('a native proxy with a CNI plugin leaves no network in front of it', (t) => {
  const pod: Pod = {
    spec: {
      containers: [{ name: 'app' }],
      initContainers: [
        { name: 'istio-validation' },
        { name: 'istio-proxy', restartPolicy: 'Always' },
        { name: 'migrate' },
      ],
    },
  }
  t.strictSame(
    [0, 1, 2, 3].map((index) => hasNetworkAt(pod, index)),
    [false, false, true, true],
  )
  t.equal(loaderIndex(pod, 'auto'), 2)
  t.end()
})

t.test('a container that only has the name of a proxy is no native one', (t) => {
  const pod: Pod = {
    spec: { containers: [{ name: 'app' }], initContainers: [{ name: 'istio-proxy' }, { name: 'migrate' }] },
  }
  t.equal(loaderIndex(pod, 'auto'), 0)
  t.end()
})

t.test('the user of the loader is the one the proxy has, unless that is root', (t) => {
  const pod = (securityContext: Record<string, number>): Pod => ({
    spec: { containers: [{ name: 'app' }, { name: 'istio-proxy', securityContext }] },
  })
  t.strictSame([pod({ runAsUser: 1500 }), pod({}), pod({ runAsUser: 0 })].map(userPastInterception), [1500, 1337, 1337])
  t.equal(userPastInterception({ spec: { containers: [{ name: 'app' }] } }), undefined)
  t.end()
})

t.test('a warning says if the mesh takes the traffic of all users, or of the chosen one', (t) => {
  const tproxy = mesh(podWith({ source: 's3://models/llama/' }), 'istio-tproxy')
  t.ok(interceptsEverybody(tproxy))
  t.equal(userPastInterception(tproxy), undefined)
  const warnings = (pod: Pod): readonly string[] =>
    injected(pod)
      .warnings.map(({ reason }) => reason)
      .filter((reason) => reason === 'MeshInterception')
  t.strictSame(warnings(tproxy), ['MeshInterception'])
  t.strictSame(warnings(mesh(podWith({ source: 's3://models/llama/', 'run-as-user': '1000' }), 'istio-cni')), [
    'MeshInterception',
  ])
  t.strictSame(warnings(mesh(podWith({ source: 's3://models/llama/', 'run-as-user': '1337' }), 'istio-cni')), [])
  t.strictSame(warnings(mesh(podWith({ source: 's3://models/llama/' }), 'istio-cni')), [])
  t.end()
})

t.test('a user that was chosen stays, whatever mesh comes later', (t) => {
  const first = injected(podWith({ source: 's3://models/llama/', 'run-as-user': '1000' })).pod
  t.equal(inject(mesh(first, 'linkerd-cni'), 'team', defaultConfig).reason, 'AlreadyInjected')
  t.end()
})
