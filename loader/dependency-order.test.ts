import { expect, test } from '@jest/globals';
import fc from 'fast-check';

import { dependantsOf, dependencyLevels, type Dependent } from './dependency-order.ts';

/** Modules m0..mn that depend on earlier ones alone, in any order of listing. */
const acyclic = fc
  .array(fc.array(fc.nat()), { maxLength: 12 })
  .map((edges) =>
    edges.map((raw, index): Dependent => ({
      module_id: `m${index}`,
      dependencies: index === 0 ? [] : raw.map((to) => `m${to % index}`),
    })),
  )
  .chain((modules) => fc.shuffledSubarray(modules, { minLength: modules.length }));

test('every module stands in exactly one level, behind all that it depends on', () => {
  fc.assert(
    fc.property(acyclic, (modules) => {
      const levels = dependencyLevels(modules);
      const levelOf = new Map(
        levels.flatMap((level, index) => level.map(({ module_id }) => [module_id, index] as const)),
      );
      expect(levels.flat()).toHaveLength(modules.length);
      for (const { module_id, dependencies } of modules) {
        for (const id of dependencies) expect(levelOf.get(id)!).toBeLessThan(levelOf.get(module_id)!);
      }
    }),
  );
});

test('a circle is refused, naming its members', () => {
  const circle = [
    { module_id: 'free', dependencies: [] },
    { module_id: 'a', dependencies: ['b'] },
    { module_id: 'b', dependencies: ['a', 'free'] },
  ];
  expect(() => dependencyLevels(circle)).toThrow('in a circle: a, b');
});

test('unknown dependencies are passed over, and dependants found', () => {
  const modules = [
    { module_id: 'a', dependencies: ['gone'] },
    { module_id: 'b', dependencies: ['a'] },
  ];
  expect(dependencyLevels(modules)).toEqual([[modules[0]], [modules[1]]]);
  expect(dependantsOf('a', modules)).toEqual([modules[1]]);
});
