/**
 * `helm test`: sends a request to the webhook as an API server does, through its Service and with verified TLS. The request
 * is one that the webhook denies under every policy, and a dry run, so that it leaves nothing in the cluster.
 */
import { readFileSync } from 'node:fs'
import { get } from 'node:http'
import { request } from 'node:https'

const { WEBHOOK_URL, READY_URL, ANNOTATION_PREFIX, CA_BUNDLE, CA_FILE, ATTEMPTS = '30' } = process.env
const uid = crypto.randomUUID()

const review = {
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid,
    operation: 'CREATE',
    dryRun: true,
    namespace: 'default',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    userInfo: { username: 'helm-test' },
    object: {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'helm-test', annotations: { [`${ANNOTATION_PREFIX}inject`]: 'true' } },
      spec: { containers: [{ name: 'app', image: 'app' }] },
    },
  },
}

function answer(send, url, options, body) {
  return new Promise((resolve, reject) => {
    const sent = send(url, { ...options, timeout: 5000 }, (response) => {
      let text = ''
      response
        .setEncoding('utf8')
        .on('data', (chunk) => {
          text += chunk
        })
        .on('error', reject)
      response.on('end', () => {
        resolve({ status: response.statusCode, text })
      })
    })
    sent.on('error', reject).on('timeout', () => {
      sent.destroy(new Error('no answer within 5 s'))
    })
    sent.end(body)
  })
}

function authorities() {
  if (CA_BUNDLE) return { ca: CA_BUNDLE }
  try {
    return { ca: readFileSync(CA_FILE, 'utf8') }
  } catch {
    // An issuer that publishes no CA has to be publicly trusted.
    return {}
  }
}

async function ready() {
  const { status, text } = await answer(get, READY_URL, {})
  if (status !== 200) throw new Error(`${READY_URL} answers ${status} ${text}`)
}

async function admission() {
  const options = { ...authorities(), method: 'POST', headers: { 'content-type': 'application/json' } }
  const { status, text } = await answer(request, WEBHOOK_URL, options, JSON.stringify(review))
  if (status !== 200) throw new Error(`${WEBHOOK_URL} answers ${status} ${text}`)
  const { response } = JSON.parse(text)
  if (response?.uid !== uid) throw new Error(`the answer is to another request: ${text}`)
  if (response.allowed !== false || response.status?.code !== 422) {
    throw new Error(`a pod with ${ANNOTATION_PREFIX}inject and no source is not denied: ${text}`)
  }
  return response.status.message
}

async function attempt(left) {
  try {
    await ready()
    console.log(`The webhook answers, and denies as it should:\n${await admission()}`)
  } catch (error) {
    console.error(`${error.code ?? 'failed'}: ${error.message}`)
    if (left <= 1) process.exit(1)
    setTimeout(() => void attempt(left - 1), 2000)
  }
}

await attempt(Number(ATTEMPTS))
