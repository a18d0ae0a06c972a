/** Where the webhook answers unless told otherwise, for `serve` and for `check`. */

export const servedPath = '/mutate'

export const defaultWebhookPort = 8443

export const defaultHealthPort = 9090
