/** Configurations of many rules. */

/** About 150 bytes for each rule: a ConfigMap takes 7,000. */
export function manyRules(count: number, lastLine = ''): string {
  const rules = Array.from({ length: count }, (_, i) =>
    [
      `    - name: team-${i}`,
      `      namespaces: [team-${i}-*]`,
      `      sources: ["s3://models-${i}/*", "oci://registry.example.com/${i}/*"]`,
      '      maxSize: 100Gi',
    ].join('\n'),
  )
  return ['policy:', '  rules:', ...rules, lastLine].join('\n')
}
