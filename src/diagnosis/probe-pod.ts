/** A pod for dry-run requests to the API server. */

export interface ProbePod {
  readonly annotations?: Readonly<Record<string, string>>
  /** Requests and limits: quotas require both. */
  readonly amounts: { readonly cpu: string; readonly memory: string }
  readonly volume?: object
}

/** Passes the restricted Pod Security Standard. A volume is mounted at /probe. */
export function probePod({ annotations, amounts, volume }: ProbePod): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { generateName: 'model-injector-check-', ...(annotations && { annotations }) },
    spec: {
      restartPolicy: 'Never',
      securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          name: 'probe',
          image: 'registry.k8s.io/pause:3.10',
          resources: { requests: amounts, limits: amounts },
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
          ...(volume && { volumeMounts: [{ name: 'probe', mountPath: '/probe', readOnly: true }] }),
        },
      ],
      ...(volume && { volumes: [{ name: 'probe', ...volume }] }),
    },
  }
}
