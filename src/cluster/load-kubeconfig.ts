/** Selects the cluster in kubectl's order: the option, KUBECONFIG, ~/.kube/config, the pod's own service account. */
import { accessSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node'
import { AppError } from '../errors.ts'
import { quote } from '../values/print/printable.ts'

export interface ConnectOptions {
  /** Path of a file. */
  readonly kubeconfig?: string | undefined
  readonly context?: string | undefined
}

const serviceAccountToken = '/var/run/secrets/kubernetes.io/serviceaccount/token'

/** Throws an AppError that names the file and its problem. */
export function loadKubeconfig({ kubeconfig, context }: ConnectOptions): KubeConfig {
  const loaded = loadFrom(kubeconfig)
  if (context !== undefined) chooseContext(loaded, context)
  if (loaded.getCurrentCluster() === null) {
    throw unreadable(
      `the kubeconfig has no cluster for its current context ${currentContextOf(loaded)}; choose one of its contexts with --context: ${contextsOf(loaded)}`,
    )
  }
  for (const cluster of loaded.clusters) allowPlainHTTP(cluster)
  return loaded
}

function loadFrom(file: string | undefined): KubeConfig {
  if (file !== undefined) return loadFiles([file])
  const files = (process.env.KUBECONFIG ?? '').split(delimiter).filter((path) => path !== '')
  // Like kubectl, skips missing files as long as one exists.
  if (files.length > 0) return loadFiles(files.length === 1 ? files : files.filter(isThere))
  const usual = join(homedir(), '.kube', 'config')
  if (isThere(usual)) return loadFiles([usual])
  if (!isThere(serviceAccountToken)) {
    throw unreadable(`no cluster is known: give --kubeconfig, set KUBECONFIG, or write ${usual}`)
  }
  const inCluster = new KubeConfig()
  inCluster.loadFromCluster()
  return inCluster
}

function loadFiles(files: readonly string[]): KubeConfig {
  const merged = new KubeConfig()
  files.forEach((file, i) => {
    try {
      const config = new KubeConfig()
      config.loadFromFile(file)
      merged.mergeConfig(config, i > 0 && merged.currentContext !== '')
    } catch (cause) {
      throw unreadable(
        `the kubeconfig ${file} cannot be read: ${cause instanceof Error ? firstLine(cause.message) : 'it is malformed'}`,
        cause,
      )
    }
  })
  return merged
}

function chooseContext(config: KubeConfig, context: string): void {
  if (config.getContextObject(context) === null) {
    throw unreadable(`the kubeconfig has no context ${quote(context)}; it has: ${contextsOf(config)}`)
  }
  config.setCurrentContext(context)
}

/** The library's type claims that it is always set; it is not. */
function currentContextOf(config: KubeConfig): string {
  const context = config.getCurrentContext() as string | undefined
  return context === undefined ? '(none)' : quote(context)
}

function contextsOf(config: KubeConfig): string {
  return config.contexts.map(({ name }) => name).join(', ') || 'none'
}

/**
 * `kubectl proxy` serves http://localhost:8001, which the library only accepts without verification; plain HTTP has nothing
 * to verify.
 */
function allowPlainHTTP(cluster: { readonly server: string; skipTLSVerify?: boolean }): void {
  if (cluster.server.startsWith('http:')) cluster.skipTLSVerify = true
}

function isThere(file: string): boolean {
  try {
    accessSync(file)
    return true
  } catch {
    return false
  }
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? ''
}

function unreadable(message: string, cause?: unknown): AppError {
  return new AppError('KubeconfigUnreadable', message, cause === undefined ? undefined : { cause })
}
