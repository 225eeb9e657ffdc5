/** The probers, bundled into one file like the token service. */
import { type BundleFiles, bundleModule } from '../service/bundle.ts'

export const proberFileName = 'prober.mjs'

export const bundleProber = (): Promise<BundleFiles> => bundleModule('prober/main.ts', proberFileName)
