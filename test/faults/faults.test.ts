import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ask, type Target } from './ask.ts';
import { FAULTS } from './faults.ts';
import { runMatrix } from './matrix.ts';
import { summaryOf } from './report.ts';
import { startFaultSystem, type FaultSystem } from './fault-system.ts';

/** The smaller cut of `npm run faults`: what is told apart by how it fails, in the two forms that differ most. */
const CUT = [
  'healthy',
  'reset',
  'hang',
  'cut_reset',
  'cut_done',
  'stall',
  'drip',
  'error_event',
  'truncated_json',
  'html',
  'empty',
  'rate_limited',
  'http_500',
  'content_filter',
  'low_confidence',
  'huge',
  'killed',
  'sidecar_killed',
];

describe('the fault matrix', () => {
  it('every fault is answered by the healthy module, nothing hangs and nothing is spliced', async () => {
    const cells = await runMatrix({
      faults: FAULTS.filter(({ name }) => CUT.includes(name)),
      forms: ['openai', 'openai-stream', 'grpc-stream'],
      strategies: ['sequential', 'hedged'],
      requests: 2,
    });
    const bad = cells.filter(({ requests, accepted }) => accepted < requests);
    expect(bad).toEqual([]);
    const { hangs, spliced, fallback_success } = summaryOf(cells);
    expect({ hangs, spliced, fallback_success }).toEqual({ hangs: 0, spliced: 0, fallback_success: 1 });
    // Each fault was met under each strategy, rather than gone around; what the system has noticed by itself, not by every form.
    const met = new Set(
      cells.flatMap(({ met: count, fault, strategy }) => (count > 0 ? [`${fault} ${strategy}`] : [])),
    );
    expect(cells.map(({ fault, strategy }) => `${fault} ${strategy}`).filter((each) => !met.has(each))).toEqual([]);
  }, 240_000);
});

describe('a primary that was never there', () => {
  let system: FaultSystem;
  let target: Target;
  beforeAll(async () => {
    system = await startFaultSystem({
      primary: { adapter: { type: 'openai', url: 'http://127.0.0.1:9/v1' }, scaling: { min_replicas: 0 } },
      ready: [],
      args: ['--mesh', 'proxyless'],
    });
    target = { url: system.frontier.url, grpc: undefined as never };
  }, 90_000);
  afterAll(() => system.frontier.stop(), 60_000);

  it('is not waited for while another module could answer', async () => {
    for (const form of ['openai', 'openai-stream'] as const) {
      const { verdict, ms } = await ask(form, target);
      expect(verdict).toBe('good');
      expect(ms).toBeLessThan(15_000);
    }
  }, 60_000);
});
