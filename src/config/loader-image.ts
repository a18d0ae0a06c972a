/** The image that loaders run where the operator's configuration names none: that of the release, told to the webhook by its own Deployment. */
import { version } from '../version.ts'

/** Options of `serve`. An environment variable besides, since Kustomize can rewrite the value of one and no argument. */
export const loaderImageOption = '--loader-image'
export const loaderImageVariable = 'MODEL_INJECTOR_LOADER_IMAGE'

/** What remains where neither says any: a name that no registry has. */
export const placeholderImage = `model-injector:${version}`
