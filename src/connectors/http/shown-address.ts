/** Addresses in messages. */

/** Without user, password and query: tokens stand there. */
export function shownAddress(url: string): string {
  if (!URL.canParse(url)) return 'an address that is none'
  const { protocol, host, pathname } = new URL(url)
  return `${protocol}//${host}${pathname}`
}
