/** Which cluster is meant, and what is said where that is not clear. */
import { writeFile } from 'node:fs/promises'
import t from 'tap'
import { connectCluster } from '../../../src/cluster/connect.ts'
import { writeKubeconfig } from './fake-api-server.ts'

const { KUBECONFIG, HOME } = process.env

t.afterEach(() => {
  for (const [name, value] of Object.entries({ KUBECONFIG, HOME })) {
    if (value === undefined) Reflect.deleteProperty(process.env, name)
    else process.env[name] = value
  }
})

t.test('the option comes first, then KUBECONFIG, then the file in the home directory', async (t) => {
  const home = t.testdir({})
  process.env.HOME = home
  await writeKubeconfig(`${home}/.kube/config`, 'https://home.example.com')
  Reflect.deleteProperty(process.env, 'KUBECONFIG')
  t.equal(connectCluster({}).server, 'https://home.example.com')
  process.env.KUBECONFIG = await writeKubeconfig(`${home}/variable`, 'https://variable.example.com', {
    namespace: 'apps',
  })
  t.match(connectCluster({}), { server: 'https://variable.example.com', namespace: 'apps' })
  t.match(connectCluster({ kubeconfig: await writeKubeconfig(`${home}/option`, 'https://option.example.com') }), {
    server: 'https://option.example.com',
    namespace: 'default',
  })
})

t.test(
  'KUBECONFIG may name several files, of which the first decides and the missing ones are passed over',
  async (t) => {
    const directory = t.testdir({})
    const first = await writeKubeconfig(`${directory}/first`, 'https://first.example.com', { context: 'first' })
    const second = await writeKubeconfig(`${directory}/second`, 'https://second.example.com', { context: 'second' })
    process.env.KUBECONFIG = [`${directory}/missing`, first, second].join(':')
    t.match(connectCluster({}), { server: 'https://first.example.com', context: 'first' })
    t.match(connectCluster({ context: 'second' }), { server: 'https://second.example.com', context: 'second' })
  },
)

t.test('an unknown context is answered with those that there are', async (t) => {
  const kubeconfig = await writeKubeconfig(`${t.testdir({})}/config`, 'https://x.example.com', { context: 'prod' })
  t.throws(() => connectCluster({ kubeconfig, context: 'prdo' }), {
    code: 'KubeconfigUnreadable',
    message: 'the kubeconfig has no context "prdo"; it has: prod',
  })
})

t.test('a file that is missing, malformed or without a cluster is named', async (t) => {
  const directory = t.testdir({})
  t.throws(() => connectCluster({ kubeconfig: `${directory}/missing` }), {
    code: 'KubeconfigUnreadable',
    message: new RegExp(`^the kubeconfig ${directory}/missing cannot be read: `),
  })
  await writeFile(`${directory}/bad`, 'clusters: [')
  t.throws(() => connectCluster({ kubeconfig: `${directory}/bad` }), {
    message: /^the kubeconfig .*\/bad cannot be read: [^\n]+$/,
  })
  await writeFile(`${directory}/empty`, '{apiVersion: v1, kind: Config}')
  t.throws(() => connectCluster({ kubeconfig: `${directory}/empty` }), {
    message: /^the kubeconfig has no cluster for its current context/,
  })
})

t.test('without a chosen cluster, all ways to choose one are named', (t) => {
  process.env.HOME = t.testdir({})
  Reflect.deleteProperty(process.env, 'KUBECONFIG')
  t.throws(() => connectCluster({}), {
    code: 'KubeconfigUnreadable',
    message: /^no cluster is known: give --kubeconfig, set KUBECONFIG, or write /,
  })
  t.end()
})
