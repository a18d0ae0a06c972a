/** The image of loaders without one in the operator's configuration: the release's, from the webhook's own Deployment. */
import { version } from '../version.ts'

/** Options of `serve`. The environment variable exists because Kustomize can rewrite its value, but no argument. */
export const loaderImageOption = '--loader-image'
export const loaderImageVariable = 'MODEL_INJECTOR_LOADER_IMAGE'

/** The fallback without either: a name that no registry has. */
export const placeholderImage = `model-injector:${version}`
