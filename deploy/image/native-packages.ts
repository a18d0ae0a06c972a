/** Packages with native code: they are not part of the bundle. */
export const nativePackages = ['@node-rs/crc32'] as const
