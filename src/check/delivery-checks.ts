/** What `check --delivery` looks at: the rows of the closed table that are about what a delivery needs beside the pods. */
import type { CheckRow } from './checks.ts'

export const deliveryChecks = {
  namespace: row({
    about: 'The namespace is there.',
    why: 'claims, service accounts and secrets of pods have to be in the namespace of the pods',
    remedy: 'name another namespace, or create it',
  }),
  'model-request': row({
    about: 'Workloads of the namespace ask for a model by this delivery, and the webhook does not refuse them.',
    why: 'a workload whose annotations are refused gets no pods at all',
    remedy: 'mend the annotations of the pod template; model-injector why shows all of them',
  }),

  claim: row({
    about: 'fsx, mountpoint: the claim that pods mount is there.',
    why: 'pods stay Pending: "persistentvolumeclaim not found"',
    remedy: 'apply what model-injector render prints for this delivery',
  }),
  'claim-bound': row({
    about: 'fsx, mountpoint: the claim is bound to a volume, and that volume to the claim.',
    why: 'pods stay Pending until it is: "pod has unbound immediate PersistentVolumeClaims"',
    remedy: 'see the events of the claim: kubectl describe pvc',
  }),
  'claim-access': row({
    about: 'fsx, mountpoint: the claim may be mounted on several nodes (ReadOnlyMany or ReadWriteMany).',
    why: 'with ReadWriteOnce only pods of one node get the volume, and the others hang in ContainerCreating: "Multi-Attach error"',
    remedy:
      'access modes cannot be changed: delete the claim when no pod mounts it, and create it anew with ReadOnlyMany',
  }),

  trident: row({
    about: 'fsx: Trident is installed, with the resources by which it shares volumes.',
    why: 'nobody else makes or shares volumes of ONTAP, and claims stay Pending',
    remedy: 'install Trident: on EKS the add-on netapp_trident-operator, elsewhere its Helm chart',
  }),
  'trident-backend': row({
    about: 'fsx: Trident has a backend for the driver of the storage class, and has accepted it.',
    why: 'without one Trident makes no volume, and the source claim stays Pending',
    remedy: 'see what Trident says: kubectl get tridentbackendconfigs -A, and the log of its controller',
  }),
  'share-annotation': row({
    about:
      'fsx: the claim says which one it shares, as NAMESPACE/NAME in trident.netapp.io/shareFromPVC, and nothing that excludes sharing.',
    why: 'without it Trident makes a new, empty volume instead of sharing the one with the models',
    remedy: 'annotations of a claim are read when it is created: delete it when no pod mounts it, and create it anew',
  }),
  'source-claim': row({
    about: 'fsx: the claim that is shared is there and bound.',
    why: 'Trident shares nothing that has no volume yet: "source PVC is not bound"',
    remedy: 'apply what model-injector render fsx prints, and see the events of the source claim: kubectl describe pvc',
  }),
  'source-shared': row({
    about:
      'fsx: the source claim is shared to this namespace by trident.netapp.io/shareToNamespace, without blanks between the names.',
    why: 'Trident shares only with the namespaces that the source names, and does not trim them',
    remedy: 'add the namespace to the annotation of the source claim',
  }),
  'volume-reference': row({
    about: 'fsx: a TridentVolumeReference in the namespace of the pods names the source claim.',
    why: 'with it the namespace agrees to the sharing; without it Trident refuses',
    remedy: 'create a TridentVolumeReference with pvcNamespace and pvcName of the source claim',
  }),
  'shared-class': row({
    about: 'fsx: the claim has the storage class of its source.',
    why: 'Trident shares within one storage class only',
    remedy:
      'the class of a claim cannot be changed: delete the claim when no pod mounts it, and create it anew with that of the source',
  }),
  'shared-size': row({
    about: 'fsx: the claim asks for no more than its source has, and for 20Mi or more.',
    why: 'Trident refuses a share that is larger than what is shared; it is no quota, so the same size does no harm',
    remedy: 'delete the claim when no pod mounts it, and create it anew with the size of the source',
  }),
  'source-volume': row({
    about:
      'fsx: the volume of the source is one of Trident by NFS, online, managed by Trident, and not itself shared from elsewhere.',
    why: 'Trident shares no block volumes, no shares of shares, and nothing that it does not manage or reach',
    remedy: 'keep the models on a volume of a class with backendType ontap-nas, and share that',
  }),
  'storage-class': row({
    about: "fsx: the storage class is Trident's, by NFS, binds at once, and has no settings that contradict NFS.",
    why: 'only volumes by NFS are shared; a class that waits for a first pod leaves the source unbound, and what shares it with it',
    remedy: 'use the storage class that model-injector render fsx prints',
  }),
  'reclaim-policy': row({
    about: 'fsx: the volume with the models is kept when its claim is deleted (Retain).',
    why: 'with Delete whoever deletes the source claim deletes every version of the model',
    remedy: 'set persistentVolumeReclaimPolicy of the volume to Retain',
  }),
  'read-only-mount': row({
    about: 'fsx: no workload of the namespace mounts a shared claim so that it may be written to.',
    why: 'ReadOnlyMany alone mounts nothing read-only: Trident looks at readOnly of the volume in the pod, and one pod could change the files of all',
    remedy:
      'set persistentVolumeClaim.readOnly: true in the volumes of the pod template, or leave the claim to model-injector, which does',
  }),
  'model-path': row({
    about: 'fsx: the source names a version on the volume.',
    why: 'current may lead to another version after the restart of a container; without a path the app gets the whole volume, and nothing is checked before it starts',
    remedy: 'name a version, as pvc://CLAIM/versions/VERSION',
  }),

  'csi-driver': row({
    about:
      'mountpoint: the Mountpoint CSI driver is installed, runs on the nodes, and is told about the pods for which it mounts.',
    why: 'nobody else mounts the volume, and pods hang in ContainerCreating: "driver name s3.csi.aws.com not found"',
    remedy: 'install the EKS add-on aws-mountpoint-s3-csi-driver',
  }),
  'static-volume': row({
    about: 'mountpoint: claim and volume are made for each other: storageClassName "", volumeName, claimRef.',
    why: 'the driver makes no volumes itself; a default storage class would make one of another kind, and a volume without claimRef may go to another claim',
    remedy: 'apply what model-injector render mountpoint prints',
  }),
  'volume-driver': row({
    about: 'mountpoint: the volume is one of s3.csi.aws.com.',
    why: 'the app would get the files of some other volume',
    remedy: 'apply what model-injector render mountpoint prints, under a name of its own',
  }),
  'volume-handle': row({
    about: 'mountpoint: no other volume of the cluster has the same volumeHandle.',
    why: 'two volumes of one handle are one to the kubelet: a pod may get the model of the other',
    remedy:
      'the handle cannot be changed: when no pod mounts it, delete the volume with its claim, and create both anew',
  }),
  'mount-source': row({
    about: 'mountpoint: the volume shows the bucket and the prefix of the annotation, and the prefix ends in a slash.',
    why: 'the app gets what the volume shows, whatever the annotation says; without the slash the driver refuses the prefix',
    remedy: 'correct the volume; pods that run keep what they have mounted',
  }),
  'mount-options': row({
    about: 'mountpoint: the volume is mounted read-only, in the right region, and readable by whom the app runs as.',
    why: 'without allow-other or an fsGroup only root may read: "Permission denied"',
    remedy: 'correct mountOptions of the volume; pods that run keep theirs',
  }),
  'mount-identity': row({
    about: "mountpoint: the volume is read with the identity of the pod's service account (authenticationSource: pod).",
    why: "with the driver's own role every namespace reads what the driver may read, and the role of the pods counts for nothing",
    remedy:
      'attributes of a volume cannot be changed: when no pod mounts it, delete it with its claim, and create both anew',
  }),
  'service-account': row({
    about: 'mountpoint: the service account whose role reads the bucket is there.',
    why: 'pods of a service account that is not there are not created',
    remedy: 'create it; model-injector render s3 prints it with its role',
  }),
  'headroom-gate': row({
    about: 'mountpoint: the scheduling gate is added exactly where the driver takes it away again.',
    why: 'a gate that nobody takes away keeps pods in SchedulingGated for ever; without it Karpenter leaves no room for the pod of Mountpoint',
    remedy: 'set mountpoint.headroomGate of the configuration as the driver is installed',
  }),

  karpenter: row({
    about: 'ami: Karpenter is installed, or nodes with the model are there already.',
    why: 'without either no node has the model, and pods stay Pending',
    remedy: 'install Karpenter 1.0 or later, or label and taint nodes of the image by hand',
  }),
  'node-pool': row({
    about: 'ami: a NodePool declares the label that the webhook makes pods select.',
    why: 'Karpenter makes nodes only for labels that a NodePool declares: pods stay Pending',
    remedy: 'apply what model-injector render ami prints for this path',
  }),
  'node-pool-ready': row({
    about: 'ami: the NodePool is ready and below its limits.',
    why: 'Karpenter makes no node from one that is not',
    remedy: 'see what Karpenter says: kubectl describe nodepool',
  }),
  'node-pool-taints': row({
    about:
      'ami: the NodePool has the taint that keeps other pods away, and none that pods with the model do not tolerate; its other labels fit their node selectors.',
    why: 'Karpenter makes no node for pods that could not run on it; without the taint any pod fills the nodes with the model',
    remedy: 'keep to the taint that the webhook tolerates',
  }),
  'node-class': row({
    about: 'ami: the EC2NodeClass that the NodePool names is there and ready.',
    why: 'Karpenter makes no node without it',
    remedy: 'apply what model-injector render ami prints, and see what Karpenter says: kubectl describe ec2nodeclass',
  }),
  'node-image': row({
    about: 'ami: the EC2NodeClass selects images by tags or owner, and found one.',
    why: 'an alias is a stock image without the model, and a name alone can be given to an image by others',
    remedy: 'select by the tag that the pipeline of model-injector render ami gives to its images',
  }),
  'baked-nodes': row({
    about: 'ami: nodes that say by their label that they have the model are ready, and keep other pods away.',
    why: 'pods wait for such a node; one that was labelled by hand may not have the directory',
    remedy: 'see the nodes: kubectl get nodes, with the label as -L',
  }),
  'pod-security': row({
    about: 'ami: the namespace allows hostPath.',
    why: 'the Pod Security Standards baseline and restricted forbid hostPath, and the API server refuses the pods',
    remedy:
      'run the pods in another namespace, or bake the model as an OCI image (model-injector render ami --oci) and mount it as an image volume',
  }),
  'daemon-set': row({
    about: 'ami: no DaemonSet asks for the model on nodes that do not have it, and no pod names its node.',
    why: 'pods of a DaemonSet are bound to their nodes before the webhook sees them, and stay Pending where the model is not',
    remedy: 'name the label in nodeSelector of the template',
  }),
  'disruption-budget': row({
    about: 'ami: workloads with several pods have a PodDisruptionBudget.',
    why: 'Karpenter replaces every node when the image changes, and without a budget takes several pods of one workload at once',
    remedy: 'create a PodDisruptionBudget',
  }),

  'image-volumes': row({
    about: 'oci: the API server keeps image volumes, as 1.35 and later do.',
    why: 'an API server that does not know the field makes an empty directory of it, or refuses the pod',
    remedy: 'upgrade the cluster to 1.35 or later, or use another delivery',
  }),
  'node-runtime': row({
    about: 'oci: the nodes have a kubelet of 1.35 and containerd 2.1, or CRI-O 1.33, or later ones.',
    why: 'on an older node the pod does not start: CreateContainerError, or the volume is not mounted',
    remedy: 'upgrade the nodes, or keep the pods away from the old ones',
  }),
  'pull-secrets': row({
    about: 'oci: the pull secrets of pods and of their service account are there, and one is for the registry.',
    why: 'the node pulls the model with them: ImagePullBackOff',
    remedy: 'create the secret in the namespace of the pods: kubectl create secret docker-registry',
  }),
} as const

function row(definition: CheckRow): CheckRow {
  return definition
}
