import { join } from 'node:path'
import { builtBinaries, type GoBinarySet } from './go-binaries.ts'

const helmDocs: GoBinarySet = {
  name: 'helm-docs',
  binaries: [
    {
      name: 'helm-docs',
      duration: 'about half a minute',
      module: new URL('../../chart/tools/helm-docs/', import.meta.url),
      dependency: 'github.com/norwoodj/helm-docs',
      goPackage: 'github.com/norwoodj/helm-docs/cmd/helm-docs',
      linkerFlags: () => '',
    },
  ],
  howToGoOn: 'leave the README of the chart as it is',
}

/** The tool that makes the README of a chart from the comments in its values. */
export async function helmDocsBinary(): Promise<string> {
  return join(await builtBinaries(helmDocs), 'helm-docs')
}
