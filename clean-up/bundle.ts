/** The clean-up's own programs as one file of code, as the token service is one. */
import { type BundleFiles, bundleModule } from '../service/bundle.ts'

export const cleanUpFileName = 'clean-up.mjs'

export const bundleCleanUp = (): Promise<BundleFiles> => bundleModule('clean-up/main.ts', cleanUpFileName)
