/** Virtual-hosted-style addressing: the bucket is the first part of the host name. */

const hostLabels = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/

/** As URL writes them, whatever their spelling was. */
const ipAddress = /^(?:\d+\.\d+\.\d+\.\d+|\[.*\])$/

/** The reason for which a bucket cannot be in a host name; undefined where it can. */
export function virtualHostProblem(bucket: string, endpoint: string | undefined): string | undefined {
  if (!hostLabels.test(bucket)) return 'puts the bucket into the host name, where its name is not allowed'
  if (endpoint === undefined) {
    return bucket.includes('.')
      ? 'does not fit a bucket with a dot in its name: the certificate of AWS has one level'
      : undefined
  }
  return ipAddress.test(new URL(endpoint).hostname)
    ? 'puts the bucket into the host name, and the endpoint has an IP address'
    : undefined
}
