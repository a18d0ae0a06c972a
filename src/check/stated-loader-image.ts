/** The image that the webhook's Deployment names for loaders, by argument or environment as `serve` reads them. */
import type { ClusterContainer } from '../cluster/objects.ts'
import { loaderImageOption, loaderImageVariable } from '../config/loader-image.ts'
import { quote } from '../values/print/printable.ts'
import { parseImage } from '../values/names.ts'
import { unreadable, type Parsed } from '../values/parsed.ts'
import { absent, found, unknown, type Lookup } from '../diagnosis/lookup.ts'
import { argumentOf } from './mounted-file.ts'

export function statedLoaderImage(container: ClusterContainer | undefined): Lookup<Parsed<string>> {
  const argument = argumentOf(container, loaderImageOption)
  return argument === undefined ? fromEnvironment(container?.env) : found(read(loaderImageOption, argument))
}

/** Unknown without a literal value: a ConfigMap may have changed since the container started. */
function fromEnvironment(env: ClusterContainer['env'] = []): Lookup<Parsed<string>> {
  // With two variables of one name, the last counts.
  const variable = env.findLast(({ name }) => name === loaderImageVariable)
  if (variable === undefined) return absent
  return variable.valueFrom === undefined
    ? found(read(loaderImageVariable, variable.value ?? ''))
    : unknown(`${loaderImageVariable} of the webhook's Deployment comes from elsewhere (valueFrom)`)
}

function read(place: string, text: string): Parsed<string> {
  const image = parseImage(text)
  return image.ok ? image : unreadable(`${place}: ${quote(text)} ${image.problem}`)
}
