import { expect, test } from '@jest/globals';

import type { ModuleView } from '../core/modules/module-view.ts';
import { createModuleRecord, viewOf } from './module-record.ts';
import { ModuleBoard } from './module-board.ts';
import { pageModules } from './page-modules.ts';
import { specOf } from './testing/reconciler-rig.ts';

function view(moduleId: string, waiting = 0): ModuleView {
  return { ...viewOf(createModuleRecord(specOf(moduleId), 0), undefined, 0), waiting };
}

function views(...list: ModuleView[]): ReadonlyMap<string, ModuleView> {
  return new Map(list.map((item) => [item.moduleId, item]));
}

test('a watcher gets a snapshot, then only what changed', async () => {
  const board = new ModuleBoard();
  board.post(views(view('a'), view('b')));
  const watch = board.watch([], new AbortController().signal);
  expect((await watch.next()).value).toMatchObject({ snapshot: true, views: [{ moduleId: 'a' }, { moduleId: 'b' }] });
  board.post(views(view('a'), view('b', 1)));
  expect((await watch.next()).value).toMatchObject({ snapshot: false, views: [{ moduleId: 'b' }], removed: [] });
  board.post(views(view('a')));
  expect((await watch.next()).value).toMatchObject({ views: [], removed: ['b'] });
  await watch.return();
});

test('a slow watcher gets many changes as one, with the newest state', async () => {
  const board = new ModuleBoard();
  board.post(views(view('a')));
  const watch = board.watch([], new AbortController().signal);
  await watch.next();
  for (let waiting = 1; waiting <= 1000; waiting += 1) board.post(views(view('a', waiting)));
  const { value } = await watch.next();
  expect(value).toMatchObject({ views: [{ waiting: 1000 }], revision: 1001 });
  await watch.return();
});

test('the same state posted again is no change', () => {
  const board = new ModuleBoard();
  let changes = 0;
  board.onChange(() => (changes += 1));
  board.post(views(view('a')));
  board.post(views(view('a')));
  expect(changes).toBe(1);
});

test('a watch ends with its signal, and hears only of the modules wanted', async () => {
  const board = new ModuleBoard();
  const abort = new AbortController();
  const watch = board.watch(['b'], abort.signal);
  expect((await watch.next()).value).toMatchObject({ snapshot: true, views: [] });
  const next = watch.next();
  board.post(views(view('a')));
  board.post(views(view('a'), view('b')));
  expect((await next).value).toMatchObject({ views: [{ moduleId: 'b' }] });
  const last = watch.next();
  abort.abort();
  expect(await last).toMatchObject({ done: true });
});

test('pages hold each module once, in order, whatever the page size', () => {
  const all = ['c', 'a', 'e', 'b', 'd'].map((id) => view(id));
  for (const size of [0, 1, 2, 5, 9]) {
    const seen: string[] = [];
    let token = '';
    do {
      const page = pageModules(all, size, token);
      seen.push(...page.views.map(({ moduleId }) => moduleId));
      token = page.nextToken;
    } while (token !== '');
    expect(seen).toEqual(['a', 'b', 'c', 'd', 'e']);
  }
  expect(() => pageModules(all, 1, 'not a token!')).toThrow(expect.objectContaining({ reason: 'INVALID_FIELD' }));
});
