/** The namespace for resources of the platform itself. */
import { explain, type Tree } from './tree.ts'

export function namespace(name: string): Tree {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name,
      labels: explain('Pods here comply with the restricted Pod Security Standard.', {
        'pod-security.kubernetes.io/enforce': 'restricted',
        'pod-security.kubernetes.io/warn': 'restricted',
      }),
    },
  }
}
