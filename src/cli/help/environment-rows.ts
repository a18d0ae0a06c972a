/** The environment variables that commands of people read, for `help environment` and docs/README.md. */
import { loaderImageVariable } from '../../config/loader-image.ts'

const table = {
  KUBECONFIG: 'kubeconfig files, of commands that ask a cluster; `--kubeconfig` comes before it',
  HTTPS_PROXY: 'proxy on the way to a cluster and to AWS; `NO_PROXY` names hosts without it',
  'AWS_REGION, AWS_PROFILE and the other variables of the AWS SDK':
    'region and credentials of `check --identity`, which asks AWS as the shell would',
  [loaderImageVariable]: 'image of the loader, of `serve`; `--loader-image` comes before it',
  NO_COLOR: 'no colours, if it has a value; `--color` comes before it',
  'FORCE_COLOR, CLICOLOR_FORCE':
    'colours although stdout is no terminal, if the value is not 0; `NO_COLOR` comes before CLICOLOR_FORCE',
  COLUMNS: 'width of the output where stdout is no terminal',
} as const

export function environmentRows(): readonly (readonly [name: string, meaning: string])[] {
  return Object.entries(table)
}
