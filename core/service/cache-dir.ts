import path from 'node:path';

/** Folder of downloads that all checkouts share: FRONTIER_CACHE_DIR, else frontier/ in the user's folder of caches. */
export function cacheDirOf(env: Readonly<Record<string, string | undefined>>, home: string): string {
  const own = env['FRONTIER_CACHE_DIR'];
  if (own !== undefined && own !== '') return own;
  const xdg = env['XDG_CACHE_HOME'];
  return path.join(xdg === undefined || xdg === '' ? path.join(home, '.cache') : xdg, 'frontier');
}
