/**
 * Names in the tables that other work in progress brings. A name that is neither here nor in the public lists is a mistake in the
 * tables; one that is here and exists already is to be taken off the list. Before a release the list is empty.
 */
export const pending: readonly string[] = []
