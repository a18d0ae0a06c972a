/** The loader with the engine s5cmd: the product's own, and the real binary for the bytes. */
import { s5cmdBinary } from '../tools/go-binaries.ts'
import { nativeEngine, type LoaderEngine } from './loader-run.ts'

export async function s5cmdEngine(): Promise<LoaderEngine> {
  const binary = await s5cmdBinary()
  return {
    ...nativeEngine,
    name: 's5cmd',
    environment: (caCertificateFile) => ({
      ...nativeEngine.environment(caCertificateFile),
      MODEL_ENGINE: 's5cmd',
      MODEL_S5CMD_PATH: binary,
    }),
  }
}
