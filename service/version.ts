/** The version in package.json, which is not part of the bundle: each change of a package would restart the pods. */
export const VERSION = '0.1.0'
