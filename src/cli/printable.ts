/** Names come from files of others and go to a terminal. */
import { quote } from '../reasons.ts'

/** As it is, if it has only letters, digits, signs and blanks; else quoted, so that it can neither hide nor begin a line. */
export function printable(text: string): string {
  return /^[\p{L}\p{N}\p{P}\p{S} ]{1,1024}$/u.test(text) ? text : quote(text)
}
