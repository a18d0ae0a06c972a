/** The image's start keeps what the code reads, and no more: read from the sources, where every variable has its name. */
import { globSync, readFileSync } from 'node:fs'
import t from 'tap'
import { keptVariables } from '../../src/kept-variables.ts'
import { loaderVariableNames } from '../../src/loader-contract.ts'

/** Set by the code itself, for the AWS SDK or for the program s5cmd, never read from outside. */
const written = [
  'AWS_CONFIG_FILE',
  'AWS_SHARED_CREDENTIALS_FILE',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN',
  'AWS_S3_US_EAST_1_REGIONAL_ENDPOINT',
  // In the pods that the webhook makes up before its port opens.
  'MODEL_PATH',
]
/** The publisher describes each version to the loader in the loader's words. */
const writtenByPublisher: readonly string[] = loaderVariableNames.filter((name) => name !== 'MODEL_CA_CERTIFICATES')

/** The code that may read the environment, besides the loader's contract; loader and publisher set no flag from a variable. */
const sources = {
  load: ['src/cli/load.ts', 'src/{loader,s3,network}/**/*.ts', 'src/aws/sts.ts'],
  publish: ['src/cli/{publish.ts,publish/*.ts}', 'src/{publish,s3,network}/**/*.ts', 'src/aws/sts.ts'],
  serve: ['src/cli/serve.ts', 'src/server/**/*.ts', 'src/config/loader-image.ts', 'src/cluster/in-cluster-events.ts'],
} as const satisfies Record<keyof typeof keptVariables, readonly string[]>

for (const command of Object.keys(sources) as (keyof typeof sources)[]) {
  t.test(`what ${command} reads is kept`, (t) => {
    const kept: readonly string[] = keptVariables[command]
    const ownWords = command === 'publish' ? [...written, ...writtenByPublisher] : written
    const named = namesIn(sources[command]).filter((name) => !ownWords.includes(name))
    t.ok(named.length > 0)
    t.strictSame(
      named.filter((name) => !kept.includes(name)),
      [],
    )
    t.end()
  })
}

t.test('nothing is kept that no source names', (t) => {
  // proxy.ts also reads each name in lower case.
  const named = [...namesIn(['src/!(kept-variables).ts', 'src/*/**/*.ts']), 'no_proxy']
  const kept = [...new Set(Object.values(keptVariables).flat())]
  t.strictSame(
    kept.filter((name) => !named.includes(name)),
    [],
  )
  t.end()
})

t.test('nothing is kept that steers Node, the dynamic linker or OpenSSL, and no home directory', (t) => {
  const kept = Object.values(keptVariables).flat()
  t.strictSame(
    kept.filter((name) =>
      /^(?:NODE|NAPI|LD|SSL|OPENSSL|UV)_|^(?:HOME|KUBECONFIG|PATH|HTTP_PROXY|http_proxy)$/.test(name),
    ),
    [],
  )
  t.end()
})

function namesIn(patterns: readonly string[]): readonly string[] {
  const text = globSync([...patterns])
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n')
  return [
    ...new Set(
      text.match(/\b(?:(?:AWS|KUBERNETES|MODEL)_[A-Z0-9_]*[A-Z0-9]|(?:HTTPS?|NO)_PROXY|(?:https?|no)_proxy)\b/g),
    ),
  ]
}
