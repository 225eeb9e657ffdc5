/** The program that makes events, bundled into one file. */
import { type BundleFiles, bundleModule } from '../service/bundle.ts'

export const eventsFileName = 'events.mjs'

/** @param entry the module that is run, from the folder of the project; tests have one of their own */
export const bundleEvents = (entry = 'events/main.ts'): Promise<BundleFiles> => bundleModule(entry, eventsFileName)
