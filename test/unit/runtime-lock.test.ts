/** One Node and one C library: all that names a version of them says what runtime.lock.json says. */
import { globSync, readFileSync } from 'node:fs'
import t from 'tap'
import { architectures, npmArchitecture, readRuntimeLock } from '../../deploy/image/runtime-lock.ts'

interface PackageJson {
  readonly engines: { readonly node: string }
  readonly devDependencies: Readonly<Record<string, string>>
}

interface PackageLock {
  readonly packages: Readonly<Record<string, { readonly version: string }>>
}

const lock = readRuntimeLock()
const { version } = lock.node
const [major = ''] = version.split('.')
const packageJson = JSON.parse(readFileSync('package.json', 'utf8')) as PackageJson
const dockerfile = readFileSync('Dockerfile', 'utf8')

t.test('npm installs the Node of the lock file, and the types of its major version', (t) => {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as PackageLock
  t.equal(packageJson.devDependencies.node, version)
  t.equal(packages['node_modules/node']?.version, version)
  t.equal(packageJson.devDependencies['@types/node']?.split('.')[0], major)
  t.equal(packageJson.engines.node, `>=${major}`)
  t.end()
})

t.test('the tests run on it', (t) => {
  t.equal(process.versions.node, version)
  t.end()
})

t.test('every file is named with its version, its architecture and a checksum', (t) => {
  for (const architecture of architectures) {
    const { name, integrity } = lock.node.packages[architecture]
    t.equal(name, `node-linux-${npmArchitecture(architecture)}`)
    t.match(integrity, /^sha512-[A-Za-z0-9+/]{86}==$/)
    for (const [name, debian] of Object.entries(lock.debian.packages)) {
      const { path, sha256 } = debian.files[architecture]
      t.ok(path.endsWith(`/${name}_${debian.version}_${architecture}.deb`), path)
      t.match(sha256, /^[0-9a-f]{64}$/)
    }
  }
  t.strictSame(Object.keys(lock.debian.packages), ['libc6', 'libstdc++6', 'libgcc-s1', 'gcc-12-base'])
  t.end()
})

t.test(
  'the Dockerfile builds with the same major version and release, and names no digest and no other version',
  (t) => {
    t.equal(/^ARG BUILDER=(.*)$/m.exec(dockerfile)?.[1], `node:${major}-${lock.debian.release}-slim`)
    t.strictSame(
      [...dockerfile.matchAll(/^FROM (.*)$/gm)].map(([, from]) => from),
      ['--platform=$BUILDPLATFORM ${GO} AS go', '--platform=$BUILDPLATFORM ${BUILDER} AS build', 'scratch'],
    )
    t.notMatch(dockerfile, /sha256:|\d+\.\d+\.\d+/)
    t.end()
  },
)

t.test('the context of the image build has all that the Dockerfile copies into it', (t) => {
  const copies = [...dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, sources = '']) =>
    sources.split(' '),
  )
  const context = readFileSync('.dockerignore', 'utf8').trim().split('\n')
  t.strictSame(copies.map((source) => `!${source}`).sort(), context.filter((line) => line.startsWith('!')).sort())
  t.end()
})

t.test('workflows set up this Node', (t) => {
  const workflows = globSync('.github/workflows/*.yaml').map((file) => readFileSync(file, 'utf8'))
  const versions = workflows.flatMap((text) => [...text.matchAll(/node-version: *(\S+)/g)].map(([, found]) => found))
  t.ok(versions.length > 0)
  t.strictSame([...new Set(versions)], [version])
  t.end()
})

t.test('the page on support names the Kubernetes that the tests run', (t) => {
  const [, kubernetes] = /k8s\.io\/kubernetes v(\S+)/.exec(readFileSync('test/cluster/tools/k8s/go.mod', 'utf8')) ?? []
  t.match(readFileSync('docs/support.md', 'utf8'), `a control plane and a kubelet of ${kubernetes}.`)
  t.end()
})

t.test('pages that name a version of Node name this one', (t) => {
  for (const file of globSync(['*.md', 'docs/**/*.md', '.github/**/*.md', 'deploy/**/*.md'])) {
    for (const [text, found = ''] of readFileSync(file, 'utf8').matchAll(/\bNode(?:\.js)? v?(\d+(?:\.\d+)*)/g)) {
      t.ok(`${version}.`.startsWith(`${found}.`), `${file} says ${text}`)
    }
  }
  t.end()
})
