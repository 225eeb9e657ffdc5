/** The probers as one file of code, as the token service is one. */
import { type BundleFiles, bundleModule } from '../service/bundle.ts'

export const proberFileName = 'prober.mjs'

export const bundleProber = (): Promise<BundleFiles> => bundleModule('prober/main.ts', proberFileName)
