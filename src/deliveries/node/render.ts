/** Companion resources for models in the machine image: the build of the image, and nodes that use it. */
import { nodeLabelFor } from './inject.ts'
import { nodeLabelValue } from '../../pod/scheduling.ts'
import type { EksCluster } from '../../render/arn.ts'
import type { Baked } from './render-bake-component.ts'
import { imageStack, pipelineArn, rootVolumeGiB, type BuildPlan } from './render-image-builder.ts'
import { nodeClass, nodePool, type NodePlan } from './render-karpenter.ts'
import { digest, fit, slug } from '../../render/names.ts'
import type { Rendering } from '../../render/rendering.ts'
import { commandLine } from '../../values/shell.ts'

export interface BakedNodePlan
  extends Pick<
      BuildPlan,
      'sizeBytes' | 'parentImage' | 'buildInstanceType' | 'buildSubnet' | 'buildSecurityGroup' | 'kmsKey'
    >,
    Pick<NodePlan, 'annotationPrefix' | 'nodeRole' | 'discovery' | 'architecture' | 'instanceTypes' | 'cpuLimit'> {
  readonly cluster: EksCluster
  readonly baked: Baked
}

export function renderNode(plan: BakedNodePlan): Rendering {
  const what = plan.baked.kind === 'files' ? plan.baked.path : plan.baked.reference
  const name = nameOf(what)
  const nodeLabel = nodeLabelFor(what, plan.annotationPrefix)
  const nodes = {
    ...plan,
    name,
    label: nodeLabel,
    rootVolumeGiB: rootVolumeGiB(plan.sizeBytes),
    byHand: plan.baked.kind === 'image',
  }
  const build = { ...plan, name, imageTags: { [nodeLabel]: nodeLabelValue } }
  return {
    kubernetes: [nodeClass(nodes), nodePool(nodes)],
    stacks: [imageStack(build)],
    commands: [
      {
        comment: 'Builds the image, after its stack was deployed; later builds come by the schedule.',
        script: commandLine('aws imagebuilder start-image-pipeline-execution', [
          ['--region', plan.cluster.region],
          ['--image-pipeline-arn', pipelineArn(build)],
        ]),
      },
    ],
    files: [],
    notes: notesOf(nodes, plan.baked),
  }
}

/** Readable, with a hash that makes it unique for each path or reference. */
function nameOf(what: string): string {
  const last =
    what
      .replace(/@sha256:.*$/, '')
      .split('/')
      .at(-1) ?? ''
  return `model-${fit(slug(last), 40)}-${digest(what, 8)}`
}

function notesOf({ label: nodeLabel, annotationPrefix }: NodePlan, baked: Baked): string[] {
  if (baked.kind === 'files') return []
  return [
    `oci://${baked.reference}: pods need nodeSelector ${nodeLabel}: ${nodeLabelValue} and a toleration of ${annotationPrefix}baked to come to these nodes`,
  ]
}
