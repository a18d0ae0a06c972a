/** State of the view. It is in the fragment of the address, so that a view can be linked, bookmarked and reached with Back. */

export const views = ['pods', 'models', 'namespaces'] as const
export type View = (typeof views)[number]

export interface ViewState {
  readonly view: View
  readonly search: string
  /** Any of them; none chosen is all. */
  readonly judgements: readonly string[]
  readonly namespace: string
  readonly family: string
  readonly version: string
  /** Part of `Kind/name`. */
  readonly owner: string
  /** Name of a column; empty for the order of the view. */
  readonly sort: string
  readonly isDescending: boolean
  /** Number of the page, from 1; 0 is the page of the first open pod. */
  readonly page: number
  /** Keys of the pods whose details are open. */
  readonly open: readonly string[]
}

export const everything: ViewState = {
  view: 'pods',
  search: '',
  judgements: [],
  namespace: '',
  family: '',
  version: '',
  owner: '',
  sort: '',
  isDescending: false,
  page: 0,
  open: [],
}

const texts = { q: 'search', namespace: 'namespace', family: 'family', version: 'version', owner: 'owner' } as const

/** Reads the fragment of the address, which may be any text. Unknown values are ignored. */
export function readState(fragment: string): ViewState {
  const parameters = new URLSearchParams(fragment.replace(/^#/, ''))
  const sort = parameters.get('sort') ?? ''
  const named = Object.entries(texts).map(([parameter, field]) => [field, parameters.get(parameter) ?? ''])
  return {
    ...everything,
    ...(Object.fromEntries(named) as Record<(typeof texts)[keyof typeof texts], string>),
    view: views.find((view) => view === parameters.get('view')) ?? 'pods',
    judgements:
      parameters
        .get('judgement')
        ?.split(',')
        .filter((name) => name !== '') ?? [],
    sort: sort.replace(/^-/, ''),
    isDescending: sort.startsWith('-'),
    page: /^\d{1,6}$/.test(parameters.get('page') ?? '') ? Number(parameters.get('page')) : 0,
    open: parameters.getAll('pod'),
  }
}

/** Says only what differs from `everything`. */
export function writeState(state: ViewState): string {
  const parameters = new URLSearchParams()
  const say = (name: string, value: string): void => {
    if (value !== '') parameters.append(name, value)
  }
  if (state.view !== 'pods') say('view', state.view)
  for (const [parameter, field] of Object.entries(texts)) say(parameter, state[field])
  say('judgement', state.judgements.join(','))
  if (state.sort !== '') say('sort', `${state.isDescending ? '-' : ''}${state.sort}`)
  if (state.page > 1) say('page', String(state.page))
  for (const key of state.open) say('pod', key)
  return `#${parameters.toString()}`
}

export function isFiltered({ search, judgements, namespace, family, version, owner }: ViewState): boolean {
  return search !== '' || judgements.length > 0 || [namespace, family, version, owner].some((value) => value !== '')
}
