/** Field paths as they stand in messages. */

/** The field path of an annotation. */
export function annotationField(key: string): string {
  return `metadata.annotations[${key}]`
}
