import { FrontierError } from '../core/errors.ts';
import type { ModuleView } from '../core/modules/module-view.ts';

export interface Page {
  readonly views: readonly ModuleView[];
  /** Where to go on; empty at the end. */
  readonly nextToken: string;
}

/**
 * Gives the page of modules after `token` (empty: from the start), ordered by id; size 0 means all. A token holds the
 * last id seen, so that pages stay right when modules come and go between. Throws INVALID_FIELD for a foreign token.
 */
export function pageModules(all: Iterable<ModuleView>, size: number, token: string): Page {
  const after = token === '' ? '' : idOf(token);
  const rest = [...all].filter(({ moduleId }) => moduleId > after).sort((a, b) => (a.moduleId < b.moduleId ? -1 : 1));
  const views = size === 0 ? rest : rest.slice(0, size);
  const last = views.at(-1);
  return { views, nextToken: last === undefined || views.length === rest.length ? '' : tokenOf(last.moduleId) };
}

function tokenOf(moduleId: string): string {
  return Buffer.from(moduleId).toString('base64url');
}

function idOf(token: string): string {
  const id = Buffer.from(token, 'base64url').toString();
  if (tokenOf(id) === token) return id;
  throw new FrontierError('INVALID_FIELD', 'page_token: it does not come from an earlier response', {
    metadata: { field: 'page_token' },
  });
}
