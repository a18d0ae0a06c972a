/** The topics of `help`, with what each is about. Their texts are loaded when one is asked for. */
export const helpTopics = {
  annotations: 'the annotations of a pod, their defaults and meaning',
  deliveries: 'the ways in which a model comes to a pod, and the sources of each',
  'exit-codes': 'what the exit codes mean',
  configuration: "the keys of the operator's configuration",
  policy: "the keys of the operator's policy",
  environment: 'the environment variables that are read',
} as const

export type HelpTopic = keyof typeof helpTopics

export const topicNames = Object.keys(helpTopics) as readonly HelpTopic[]

/** For the help of the program, and of `help`. */
export function printTopics(): string {
  const longest = Math.max(...topicNames.map(({ length }) => length))
  return ['Topics of help:', ...topicNames.map((name) => `  ${name.padEnd(longest)}  ${helpTopics[name]}`)].join('\n')
}
