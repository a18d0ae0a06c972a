/**
 * The environment of the commands that run in pods, by their names for it: the image's start drops all other variables before Node
 * reads them. Other webhooks add to containers after ours had its last pass, and what runs foreign code (NODE_OPTIONS, LD_PRELOAD,
 * OPENSSL_CONF, the path of a native library that a package reads) or believes a foreign server (NODE_EXTRA_CA_CERTS) is no closed list.
 */
import { loaderImageVariable } from './config/loader-image.ts'
import { loaderVariableNames } from './loader-contract.ts'

const identity = [
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE',
  'AWS_ROLE_ARN',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_EC2_METADATA_DISABLED',
  'AWS_EC2_METADATA_SERVICE_ENDPOINT',
]

/** The places of S3 and STS, and the way to them; an operator sets them in `loader.env`. */
const way = [
  'AWS_DEFAULT_REGION',
  'AWS_ENDPOINT_URL',
  'AWS_ENDPOINT_URL_S3',
  'AWS_ENDPOINT_URL_STS',
  'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS',
  'AWS_USE_DUALSTACK_ENDPOINT',
  'AWS_USE_FIPS_ENDPOINT',
  'HTTPS_PROXY',
  'https_proxy',
  'NO_PROXY',
  'no_proxy',
]

const cluster = ['KUBERNETES_SERVICE_HOST', 'KUBERNETES_SERVICE_PORT']

export const keptVariables = {
  load: [...loaderVariableNames, ...identity, ...way],
  publish: ['MODEL_CA_CERTIFICATES', 'AWS_REGION', ...identity, ...way, ...cluster],
  serve: [loaderImageVariable, ...cluster],
} as const satisfies Readonly<Record<string, readonly string[]>>

/** Names that an operator may believe to reach the loader or the webhook; a configuration that sets one is refused. */
export const runtimePrefixes = ['NODE_', 'LD_', 'SSL_', 'OPENSSL_'] as const
