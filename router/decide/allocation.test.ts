import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from '@jest/globals';

it('a decision over a hundred modules allocates less than four kilobytes', () => {
  const at = (name: string): string => JSON.stringify(pathToFileURL(path.join(import.meta.dirname, name)).href);
  // The young generation is large enough for all that is allocated, so that nothing is collected while it is counted.
  const script = `
    import { QUERY_CLASSES } from ${at('../../core/config/schema.ts')};
    import { createLexicalClassifier } from ${at('../classification/lexical-classifier.ts')};
    import { loadModel } from ${at('../classification/load-model.ts')};
    import { decide } from ${at('decide.ts')};
    import { createPlanBook } from ${at('plan-book.ts')};
    import { ANYBODY, mapOf, policyWith, query, status } from ${at('testing/planning.ts')};
    const classifier = createLexicalClassifier(loadModel());
    const planner = createPlanBook(policyWith());
    const modules = Array.from({ length: 100 }, (_none, at) =>
      status({ module_id: 'm' + at, query_classes: [QUERY_CLASSES[at % 5]] }, { inFlight: at % 3 }));
    const statuses = mapOf(...modules);
    const asked = query({ text: 'Describe the chart in our report. '.repeat(100) });
    const measure = (count) => {
      const before = process.memoryUsage().heapUsed;
      for (let at = 0; at < count; at += 1) decide(asked, classifier, planner, statuses, ANYBODY);
      return (process.memoryUsage().heapUsed - before) / count;
    };
    measure(5000);
    console.log(measure(5000));`;
  const args = ['--max-semi-space-size=128', '--min-semi-space-size=128', '--input-type=module', '-e', script];
  const bytes = Number(
    execFileSync(process.execPath, args, { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } }),
  );
  expect(bytes).toBeGreaterThan(0);
  expect(bytes).toBeLessThan(4096);
});
