/** Checks for `oci://`: API server and nodes that support image volumes, and pull secrets. */
import { resources } from '../../cluster/resources.ts'
import { compareClusterVersions, parseClusterVersion } from '../../values/cluster-version.ts'
import type { Finding } from '../../diagnosis/finding.ts'
import { error, ok, unchecked, warning } from './checks.ts'
import { lookup, whyNot, type Lookup } from '../../diagnosis/lookup.ts'
import { listOf, type DeliveryCheck, type DeliveryCheckContext } from '../shared/check-context.ts'
import { checkImageNodes } from './check-nodes.ts'
import { probeImageVolume, type ImageProbe } from './check-probe.ts'
import { checkSecrets } from './check-secrets.ts'
import { firstWithGate, hasByDefault } from './check-versions.ts'
import { sectionTitle } from '../shared/requested-model.ts'

export const checkImage: DeliveryCheck = async (question) => {
  const { cluster, namespace, models } = question
  if (models.length === 0) return []
  const probe = await lookup(() => probeImageVolume(cluster, namespace))
  const nodes = await listOf(cluster, resources.nodes)
  return [
    {
      title: 'Cluster',
      findings: [
        checkAPIServer(question, probe),
        checkStated(question),
        ...checkImageNodes(
          nodes,
          models.flatMap(({ consumers }) => consumers),
        ),
      ],
    },
    ...(await Promise.all(
      models.map(async (model) => ({
        title: sectionTitle(model.source.uri, model.consumers),
        findings: await checkSecrets(question, model),
      })),
    )),
  ]
}

function checkAPIServer({ version }: DeliveryCheckContext, probe: Lookup<ImageProbe>): Finding {
  const { gitVersion } = version
  if (compareClusterVersions(version, firstWithGate) < 0) {
    return error('image-volumes', `${gitVersion} drops the field, and the app would start on an empty directory`)
  }
  if (!hasByDefault(version)) {
    return error(
      'image-volumes',
      `${gitVersion} has image volumes only with the feature gate ImageVolume, and the webhook relies on no feature gate`,
    )
  }
  if (probe.state !== 'found') {
    return unchecked(
      'image-volumes',
      `${gitVersion} has image volumes by default; whether they are on, only a pod as a dry run shows: ${whyNot(probe)}`,
    )
  }
  switch (probe.value.kept) {
    case 'yes':
      return ok('image-volumes', `${gitVersion} keeps them`)
    case 'no':
      return error(
        'image-volumes',
        `${gitVersion} dropped the image volume of a pod that was tried`,
        'turn the feature gate ImageVolume on again in the API server and the kubelets',
      )
    case 'refused':
      return unchecked(
        'image-volumes',
        `${gitVersion} has image volumes by default; the pod that was tried was refused: ${probe.value.message}`,
      )
  }
}

/** The webhook relies on the configuration's version: it makes no request to the API server. */
function checkStated({ known, version }: DeliveryCheckContext): Finding {
  if (known.state !== 'found') return unchecked('cluster-version', whyNot(known))
  const real = `${version.major}.${version.minor}`
  const stated = known.value.cluster?.version
  const parsed = parseClusterVersion(stated ?? '')
  const remedy = `set config.cluster.version: "${real}" in the values of model-injector`
  if (stated === undefined || !parsed.ok) {
    return error(
      'cluster-version',
      'the configuration does not say which version the cluster is, so pods with image volumes are refused',
      remedy,
    )
  }
  const what = `the configuration says ${stated}, and the API server is ${real}`
  const difference = compareClusterVersions(parsed.value, version)
  if (difference > 0) return error('cluster-version', what, remedy)
  if (!hasByDefault(parsed.value) && hasByDefault(version)) {
    return error('cluster-version', `${what}: pods with image volumes are refused for nothing`, remedy)
  }
  return difference === 0 ? ok('cluster-version', what) : warning('cluster-version', what, remedy)
}
