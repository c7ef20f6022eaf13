/** The layers of `src/`, in reading order. A folder may import from those before it, and from itself. */
export const layers: readonly string[] = [
  'base',
  'data',
  'rdd',
  'scheduler',
  'storage',
  'shuffle',
  'executor',
  'context',
  'streaming',
  'sql',
  'ml',
  'connect',
  'connectors',
  'status',
  'testing',
  'ui',
  'cli',
]

/** Pairs that do not see each other although their order would allow it: they meet in ports and in `context`. */
export const strangers: readonly (readonly [string, string])[] = [
  ['storage', 'scheduler'],
  ['shuffle', 'scheduler'],
]

/** Files directly under `src/` list public names and may import from everywhere. */
export const ROOT = ''
