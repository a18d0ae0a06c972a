/** The flags with which the image starts Node. */

/** Without it SIGUSR1 opens Node's inspector, whose clients run any code in the process: beside credentials, or where pods are changed. */
export const imageNodeFlags = ['--disable-sigusr1'] as const
