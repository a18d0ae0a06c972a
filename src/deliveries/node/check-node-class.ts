/** Checks Karpenter's EC2NodeClasses: the NodePool's class is ready and selects an image with the model. */
import type { EC2NodeClass, NodePool } from '../../cluster/objects.ts'
import { nodeLabelValue } from '../../pod/scheduling.ts'
import { withCommands, type Finding } from '../../diagnosis/finding.ts'
import { error, ok, unchecked, warning } from './checks.ts'
import { whyNot, type Lookup } from '../../diagnosis/lookup.ts'
import { notReady, renderRemedy, type BakedModel } from './check-model.ts'
import { describeObject, patchObject } from '../../diagnosis/kubectl-commands.ts'

/** Images carry the nodes' label as a tag. */
export function hasImage({ spec: { amiSelectorTerms = [] } }: EC2NodeClass, label: string): boolean {
  return amiSelectorTerms.some(({ tags = {} }) => label in tags)
}

export function checkClass(
  { metadata: { name: poolName }, spec: { template } }: NodePool,
  model: BakedModel,
  classes: Lookup<readonly EC2NodeClass[]>,
): readonly Finding[] {
  const { group, kind, name } = template.spec.nodeClassRef
  if (group !== 'karpenter.k8s.aws' || kind !== 'EC2NodeClass') {
    return [unchecked('node-class', `${poolName} names the ${kind} ${name} of ${group}, which is not checked`)]
  }
  if (classes.state !== 'found') return [unchecked('node-class', whyNot(classes))]
  const own = classes.value.find(({ metadata }) => metadata.name === name)
  if (own === undefined) return [missingClass(poolName, name, model, classes.value)]
  return [judgeClass(own), checkImage(own, model)]
}

function missingClass(poolName: string, name: string, model: BakedModel, classes: readonly EC2NodeClass[]): Finding {
  const what = `${poolName} names the EC2NodeClass ${name}, which is not there`
  const meant = classes.find((one) => hasImage(one, model.label))
  if (meant === undefined) return error('node-class', what, renderRemedy(model))
  return withCommands(
    error('node-class', what, `name ${meant.metadata.name}, which has the image`),
    patchObject(
      { kind: 'nodepool', name: poolName },
      { spec: { template: { spec: { nodeClassRef: { name: meant.metadata.name } } } } },
    ),
  )
}

function judgeClass({ metadata: { name }, status }: EC2NodeClass): Finding {
  const problem = notReady(status?.conditions)
  if (problem === 'unsaid') return unchecked('node-class', `Karpenter has not said yet whether ${name} is ready`)
  if (problem === undefined) return ok('node-class', `${name} is ready`)
  return withCommands(
    error('node-class', `${name} is not ready: ${problem}`),
    describeObject({ kind: 'ec2nodeclass', name }),
  )
}

function checkImage(
  { metadata: { name }, spec: { amiSelectorTerms: terms = [] }, status }: EC2NodeClass,
  model: BakedModel,
): Finding {
  const byTag = patchObject(
    { kind: 'ec2nodeclass', name },
    { spec: { amiSelectorTerms: [{ tags: { [model.label]: nodeLabelValue } }] } },
  )
  const stock = terms.find(({ alias }) => alias !== undefined)
  if (stock !== undefined) {
    return withCommands(
      error('node-image', `${name} takes the stock image ${stock.alias ?? ''}, which does not have the model`),
      byTag,
    )
  }
  const bare = terms.find((term) => term.name !== undefined && term.owner === undefined && term.tags === undefined)
  if (bare !== undefined) {
    return withCommands(
      warning('node-image', `${name} takes any image called ${bare.name ?? ''}, from any owner`),
      byTag,
    )
  }
  if (status?.amis === undefined) {
    return unchecked('node-image', `Karpenter has not said yet which images ${name} selects`)
  }
  return status.amis.length > 0
    ? ok('node-image', status.amis.map(({ id }) => id).join(', '))
    : error(
        'node-image',
        `${name} selects no image`,
        'run the pipeline of model-injector render node, or correct amiSelectorTerms',
      )
}
