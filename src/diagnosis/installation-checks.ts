/**
 * The rows of the closed table of checks for an installation. The ids are stable, and the docs' page on troubleshooting is
 * generated from them. `remedy` is the usual one; a finding that knows more has its own.
 */
import { row } from './check-row.ts'

/** Also for objects that kubectl has changed since: a plain upgrade of Helm 4 refuses those. */
export const writeAgain =
  'write the objects of the release again, or apply the manifests again (kubectl apply --server-side --force-conflicts)'

export const installationChecks = {
  'api-server': row({
    about:
      'The API server answers and is of a version that has match conditions and admission policies (1.30 or later).',
    why: 'without match conditions every pod of the cluster depends on the webhook',
    remedy: 'upgrade the cluster to a version that is still supported',
  }),
  'cluster-version': row({
    about: 'The version of the cluster is the one that the configuration states.',
    why: 'an older API server drops the fields of image volumes, and the pod starts without its model',
    remedy: 'state the version of the cluster in the configuration',
  }),
  registered: row({
    about: 'The MutatingWebhookConfiguration `model-injector` is there and is called for the creation of pods.',
    why: 'without it no pod is injected, and nothing says so',
    remedy: 'install the chart, or apply its manifests',
  }),
  'match-conditions': row({
    about: 'The match conditions are those of this version, for the annotation prefix of the configuration.',
    why: 'they keep every pod without our annotations away from the webhook; without them the whole cluster depends on it, and it cannot even start itself',
    remedy: `${writeAgain}; if they disappear again, cert-manager is too old: its cainjector up to v1.11 deletes them, so upgrade cert-manager`,
  }),
  'failure-policy': row({
    about: '`failurePolicy` is Fail, or Ignore with the guard policy.',
    why: 'with Ignore alone an annotated pod starts without its model while the webhook is away',
    remedy: 'choose the failure profile fail, or install the guard policy with it',
  }),
  'namespace-selector': row({
    about: 'kube-system and the namespace of the webhook are not selected, and other namespaces are.',
    why: 'pods that the cluster and the webhook need to start must never wait for the webhook',
    remedy: `exclude them again, as the chart does (kubernetes.io/metadata.name NotIn [kube-system, the namespace of the release]): ${writeAgain}`,
  }),
  'webhook-path': row({
    about: 'The path that the webhook configuration names is the one that the webhook serves: `/mutate`.',
    why: 'to any other path the webhook answers 404, and every annotated pod is refused, or starts without its model',
    remedy: writeAgain,
  }),
  'object-selector': row({
    about: 'No objectSelector keeps annotated pods away from the webhook: the chart sets none.',
    why: 'annotations decide which pods get a model; one without the label is refused by the guard, or starts without its model',
    remedy: 'take the objectSelector away',
  }),
  reinvocation: row({
    about: '`reinvocationPolicy` is IfNeeded.',
    why: 'a webhook that runs later may add containers or damage what was added, and only a reinvocation can repair that',
    remedy: `set reinvocationPolicy: IfNeeded, as the chart does: ${writeAgain}`,
  }),
  timeout: row({
    about: '`timeoutSeconds` is at most 10.',
    why: 'every creation of a pod waits that long while the webhook does not answer',
    remedy: 'set webhook.timeoutSeconds of the chart to 5',
  }),
  'webhook-order': row({
    about:
      'Webhooks run in the order of their names: the identity webhook of EKS after ours, and no second installation of ours.',
    why: 'the identity webhook looks at the service account, which our annotations may set, and adds nothing to containers that come after it',
    remedy: 'rename the MutatingWebhookConfiguration of the identity webhook so that it sorts after model-injector',
  }),
  'identity-webhook': row({
    about: "The settings of EKS's own webhook, pod-identity-webhook, fit the configuration.",
    why: 'it adds the role of IRSA and the region to pods; with failurePolicy Ignore a pod may start without',
    remedy:
      'on EKS it belongs to the control plane: ask AWS support if it is missing; elsewhere install amazon-eks-pod-identity-webhook, or use other credentials than irsa',
  }),
  'certificate-issued': row({
    about: 'cert-manager has issued the Certificate that the CA bundle comes from.',
    why: 'without it replicas wait for their Secret in ContainerCreating, and an old certificate is not renewed',
    remedy: 'see what cert-manager says of the Certificate, its CertificateRequests and their issuer',
  }),
  'ca-bundle': row({
    about: 'The CA bundle of the webhook configuration is there, readable and valid.',
    why: 'the API server trusts the webhook only through it',
    remedy:
      'with cert-manager: see that the annotation cert-manager.io/inject-ca-from names the Certificate, and that its cainjector runs; with a Secret of your own: set the CA in the values of the chart',
  }),
  'certificate-trust': row({
    about: 'The certificate of the webhook was signed by a CA of the bundle.',
    why: 'the API server refuses the connection otherwise: "x509: certificate signed by unknown authority"',
    remedy:
      'make the CA bundle and the Secret match: with cert-manager they do when both come from the same Certificate; else put the CA that signed tls.crt into the bundle',
  }),
  'certificate-name': row({
    about: 'The certificate is for the name that the API server calls.',
    why: 'the API server refuses the connection otherwise: "x509: certificate is valid for ..., not ..."',
    remedy: 'issue the certificate with that name among its DNS names',
  }),
  'certificate-expiry': row({
    about: 'The certificate is valid and has more than a fifth of its life left.',
    why: 'when it has expired, the API server refuses the connection, and every annotated pod with it',
    remedy: 'renew it; cert-manager does so when a third is left: look at the Certificate and its CertificateRequests',
  }),
  'certificate-served': row({
    about: 'Every replica serves the certificate that is in the Secret.',
    why: 'a replica that did not take over a renewed certificate fails when the old one expires',
    remedy: 'look at the log of that replica for "certificate refused"; a new Secret takes about a minute to reach it',
  }),
  service: row({
    about:
      'The Service that the webhook configuration names is there, with that port; it selects the pods of the webhook, and its targetPort is the one on which they listen.',
    why: 'the API server reaches the webhook through it',
    remedy: writeAgain,
  }),
  endpoints: row({
    about: "At least one endpoint of the Service is ready, and has the Service's port.",
    why: 'without one every annotated pod is refused: "no endpoints available for service"',
    remedy: 'see why the pods are not ready: kubectl describe pod, and their log; /readyz says the reason',
  }),
  replicas: row({
    about: 'All replicas are ready, and there are at least two.',
    why: 'while a single replica restarts or moves, annotated pods are refused',
    remedy: 'see why pods are not ready with kubectl describe pod; keep two replicas or more',
  }),
  rollout: row({
    about: "The Deployment's last rollout is complete: every replica is of its newest ReplicaSet.",
    why: 'an upgrade that does not finish has not happened: the replicas of before go on, until one of them ends',
    remedy: 'see what keeps the new replicas from starting; helm rollback goes back to the release of before',
  }),
  'replica-start': row({
    about: 'No replica is kept from starting: by its image, a crash, a node, a volume, a quota or Pod Security.',
    why: 'a replica that does not start cannot take the place of one that ends',
    remedy: 'see why pods are not ready with kubectl describe pod',
  }),
  version: row({
    about: 'Chart, image and this command are of one version.',
    why: 'match conditions, policies and code belong together; this command judges by its own version',
    remedy: 'upgrade the chart without overriding the image tag, and use the command of the same version',
  }),
  'loader-image': row({
    about:
      'The image of the loader is the one of the webhook, unless the configuration names another, and pinned by digest.',
    why: 'an image that is not there, or not of this release, stops every annotated pod; a tag can be moved to another image',
    remedy: 'set the image of the webhook by digest, in a way that reaches the loader too',
  }),
  permissions: row({
    about: "The webhook's service account may do nothing but what the chart itself granted.",
    why: 'the webhook needs no permission, and a permission that it does not have cannot be stolen from it',
    remedy: 'delete the binding, or give the webhook a service account of its own',
  }),
  'guard-policy': row({
    about: 'The guard is installed, in force and for the same annotation prefix.',
    why: 'it refuses annotated pods that came out of admission without the parts of their models, whatever removed them',
    remedy: 'install it with the chart; its prefix comes from the same value as the configuration',
  }),
  'placement-policy': row({
    about: 'The placement policy is installed, in force and for the same annotation prefix.',
    why: 'it warns at kubectl apply about annotations on the workload instead of its pod template, where they have no effect',
    remedy: 'install it with the chart; its prefix comes from the same value as the configuration',
  }),
  'values-policy': row({
    about: 'The policy about values is installed, in force and for the same annotation prefix.',
    why: 'without it, the author of a workload is not told at kubectl apply that its pods will be denied for a value',
    remedy: 'install it with the chart; its prefix comes from the same value as the configuration',
  }),
  configuration: row({
    about: "The operator's configuration in the ConfigMap is valid.",
    why: 'a replica refuses an invalid one: it keeps the old one while it runs, and does not start again',
    remedy: 'fix the values of the chart; model-injector why -f POD --config FILE tries a configuration',
  }),
  'configuration-served': row({
    about: 'Every replica works with the configuration that is in the ConfigMap.',
    why: 'replicas with different configurations treat equal pods differently',
    remedy:
      'a changed ConfigMap takes about a minute to arrive; after that look for "configuration refused" in the log of that replica',
  }),
  'pod-identity-agent': row({
    about: 'The EKS Pod Identity agent runs on every node.',
    why: 'with credentials pod-identity the loader gets its credentials from it, and ends with exit code 75 without',
    remedy: 'install the add-on eks-pod-identity-agent, or set other defaults.credentials',
  }),
  'loader-pull': row({
    about: 'No injected pod waits for the image of its loader: of 500 pending pods at most.',
    why: 'such a pod stays in Init:ImagePullBackOff, and its app does not start',
    remedy: 'bring the image to where the nodes may pull it, and give the pods a pull secret where one is needed',
  }),
  'loader-network': row({
    about: 'Loaders have a proxy and authorities where the app beside them has: of 500 injected pods at most.',
    why: 'a network that needs a proxy or a private CA lets the app through and not the loader, which takes no such variable from others',
    remedy: 'set loader.proxy and loader.caCertificates in the configuration',
  }),
  'caller-rights': row({
    about: 'You may read everything that `check` looks at.',
    why: 'a check that could not be made says nothing; the exit code is 2',
    remedy: 'let an admin grant what is missing',
  }),
  admission: row({
    about: 'A pod with annotations, created as a dry run, comes back with its model.',
    why: 'this is the whole way: API server, network, certificate, webhook',
    remedy:
      'fix the other findings first; on EKS with a custom CNI the control plane reaches the pod only with hostNetwork; security groups have to let the port through',
  }),
} as const
