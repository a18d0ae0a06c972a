/** `node deploy/image/assemble.ts DIRECTORY ARCHITECTURE LAYER...`: each layer in DIRECTORY/LAYER, to be copied to the root of an image. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { layers, type LayerName } from './root-file-system.ts'
import { readArchitecture } from './runtime-lock.ts'

const [directory, architecture, ...names] = process.argv.slice(2)
if (directory === undefined || architecture === undefined || names.length === 0) {
  throw new Error('usage: node deploy/image/assemble.ts DIRECTORY ARCHITECTURE LAYER...')
}
for (const name of names.map(readLayer)) {
  // Makes it, and so fails where one is left from before.
  await mkdir(join(directory, name), { recursive: false })
  await layers[name](join(directory, name), readArchitecture(architecture))
}

function readLayer(text: string): LayerName {
  if (!Object.hasOwn(layers, text)) {
    throw new Error(`the layer is ${text}: accepted are ${Object.keys(layers).join(', ')}`)
  }
  return text as LayerName
}
