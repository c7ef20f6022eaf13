/** Packages that are installed only where they are wanted. */
import { KindlingError } from '../../base/errors.ts'

/** @param feature what needs it, for people. @throws PACKAGE_MISSING */
export async function loadPackage<P>(feature: string, name: string, imported: () => Promise<P>): Promise<P> {
  try {
    return await imported()
  } catch (error) {
    throw new KindlingError('PACKAGE_MISSING', { feature, package: name }, { cause: error })
  }
}
