/** The clean-up's own programs, bundled into one file like the token service. */
import { type BundleFiles, bundleModule } from '../service/bundle.ts'

export const cleanUpFileName = 'clean-up.mjs'

export const bundleCleanUp = (): Promise<BundleFiles> => bundleModule('clean-up/main.ts', cleanUpFileName)
