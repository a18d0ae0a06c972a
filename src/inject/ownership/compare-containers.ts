/** Compares the containers of a pod with its plan: loaders, and the containers that get a model. */
import { findByName } from '../../pod/lookup.ts'
import { initContainersOf, type Container } from '../../pod/pod.ts'
import type { InjectionPlan } from '../injection-plan.ts'
import { compareLoader, type ComparedPart } from './compare-loader.ts'
import { compareTarget } from './compare-target.ts'
import { steering, type ComparedField, type ComparedPod } from './compared-pod.ts'
import { changeOf, unlessSame } from './loader-change.ts'

export function compareContainers(compared: ComparedPod): ComparedField {
  const { pod, bare, plan } = compared
  const additions = Map.groupBy(plan.additions, ({ container }) => container)
  const before = new Map([...bare.spec.containers, ...initContainersOf(bare)].map((item) => [item.name, item]))
  const compare = (list: string, container: Container): ComparedPart<Container> =>
    compareTarget(container, { list, before: before.get(container.name), own: additions.get(container.name) ?? [] })
  const apps = pod.spec.containers.map((container) => compare('containers', container))
  const init = compareInitContainers(compared, (container) => compare('initContainers', container))
  const restoredApps = unlessSame(
    pod.spec.containers,
    apps.map(({ restored }) => restored),
  )
  return {
    fields: {
      ...(restoredApps !== undefined && { containers: restoredApps }),
      ...init.fields,
    },
    changes: [...apps.flatMap(({ changes }) => changes), ...init.changes],
  }
}

/** Loaders stay where they are, but never behind a container that gets one of their models. */
function compareInitContainers(
  { pod, bare, plan, config }: ComparedPod,
  compareOther: (container: Container) => ComparedPart<Container>,
): ComparedField {
  const others = new Set(initContainersOf(bare).map(({ name }) => name))
  const present = initContainersOf(pod)
  const parts = present.flatMap((container): readonly ComparedPart<Container>[] => {
    if (others.has(container.name)) return [compareOther(container)]
    const planned = findByName(plan.loaders, container.name)
    return planned === undefined ? [] : [compareLoader({ present: container, planned, config })]
  })
  const kept = parts.map(({ restored }) => restored)
  const missing = plan.loaders.filter(({ name }) => findByName(kept, name) === undefined)
  const behind = loadersBehindTargets(kept, plan)
  const isPlaced = missing.length === 0 && behind.length === 0
  const restored = unlessSame(present, isPlaced ? kept : placeLoaders(kept, plan))
  return {
    fields: restored === undefined ? {} : { initContainers: restored.length > 0 ? restored : undefined },
    changes: [
      ...parts.flatMap(({ changes }) => changes),
      ...missing.map(({ name }) => changeOf(steering, `spec.initContainers[${name}]`, { expected: 'a loader' })),
      ...behind.map(({ loader, target }) =>
        changeOf(steering, `spec.initContainers[${loader}]`, {
          expected: `before ${target}`,
          found: `behind ${target}`,
        }),
      ),
    ],
  }
}

interface MisplacedLoader {
  readonly loader: string
  readonly target: string
}

/** Each loader that starts after an init container which gets a model of the pod, with the first such container. */
function loadersBehindTargets(containers: readonly Container[], plan: InjectionPlan): readonly MisplacedLoader[] {
  const loaded = new Set(plan.status.models.flatMap(({ name, loader }) => (loader === undefined ? [] : [name])))
  const targets = new Set(plan.additions.flatMap(({ container, model }) => (loaded.has(model) ? [container] : [])))
  const first = containers.findIndex(({ name }) => targets.has(name))
  if (first < 0) return []
  const target = containers[first]?.name ?? ''
  return containers
    .slice(first + 1)
    .flatMap(({ name }) => (findByName(plan.loaders, name) === undefined ? [] : [{ loader: name, target }]))
}

/** All loaders together, in the order of the plan. */
function placeLoaders(containers: readonly Container[], { loaders, loaderIndex }: InjectionPlan): readonly Container[] {
  const isLoader = ({ name }: Container): boolean => findByName(loaders, name) !== undefined
  const others = containers.filter((container) => !isLoader(container))
  const placed = loaders.map((planned) => findByName(containers, planned.name) ?? planned)
  return [...others.slice(0, loaderIndex), ...placed, ...others.slice(loaderIndex)]
}
