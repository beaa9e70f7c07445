import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createManualClock } from '../../core/clock.ts';
import { moduleSpecSchema, orchestrationFileSchema } from '../../core/config/schema.ts';
import type { ModuleView } from '../../core/modules/module-view.ts';
import { createSeededRng } from '../../core/rng.ts';
import { createModuleBoard, type ModuleBoard } from './module-board.ts';
import { slowStartShare } from './slow-start.ts';

const POLICY = { windowMs: 10_000, firstShare: 0.1 };

describe('the share of a module that is back', () => {
  it('rises from the first share to the whole, and never falls', () => {
    expect(slowStartShare(0, POLICY)).toBeCloseTo(0.1);
    expect(slowStartShare(5_000, POLICY)).toBeCloseTo(0.55);
    expect(slowStartShare(10_000, POLICY)).toBeUndefined();
    fc.assert(
      fc.property(fc.nat(12_000), fc.nat(12_000), (a, b) => {
        const [early, late] = [Math.min(a, b), Math.max(a, b)];
        expect(slowStartShare(early, POLICY) ?? 1).toBeLessThanOrEqual(slowStartShare(late, POLICY) ?? 1);
      }),
    );
  });

  it('is the whole at once where the window is 0', () => {
    expect(slowStartShare(0, { ...POLICY, windowMs: 0 })).toBeUndefined();
  });
});

const { fallback } = orchestrationFileSchema.parse({
  orchestration: { fallback: { circuit_breaker: { failure_threshold: 1, open_duration: 1 } } },
}).orchestration;

function viewOf(state: ModuleView['state']): ModuleView {
  const isReady = state === 'READY';
  return {
    moduleId: 'a',
    spec: moduleSpecSchema.parse({ module_id: 'a', query_classes: ['GENERAL'] }),
    specVersion: '1',
    state,
    reason: '',
    replicas: isReady
      ? [
          {
            replicaId: 'a-1',
            state: 'READY',
            reason: '',
            endpoint: { address: '127.0.0.1', port: 1, zone: '', weight: 1 },
            restarts: 0,
            inFlight: 0,
            createdAtMs: 0,
            readyAtMs: 0,
          },
        ]
      : [],
    desiredReplicas: 1,
    inFlight: 0,
    waiting: 0,
    requestsPerSecond: 0,
    expectedActivationMs: undefined,
    lastUseAtMs: undefined,
    stateChangedAtMs: undefined,
  };
}

describe('the board', () => {
  const boardWith = (): { board: ModuleBoard; clock: ReturnType<typeof createManualClock>; back: string[] } => {
    const clock = createManualClock();
    const back: string[] = [];
    const board = createModuleBoard({
      clock,
      fallback,
      rng: createSeededRng(1),
      onBreakerChange: () => undefined,
      onBack: (_moduleId, why) => back.push(why),
    });
    return { board, clock, back };
  };
  const show = (board: ModuleBoard, ...states: ModuleView['state'][]): void => {
    for (const state of states) board.applyViews(new Map([['a', viewOf(state)]]));
  };
  const shareOf = (board: ModuleBoard): number | undefined => board.record('a')?.share?.fraction;

  it('gives a module whose breaker has closed its queries step by step', async () => {
    const { board, clock, back } = boardWith();
    show(board, 'READY');
    const call = (accepted: boolean): void => {
      expect(board.begin('a')).toBe(true);
      board.end(
        'a',
        'GENERAL',
        accepted
          ? { kind: 'answered', accepted, confidence: 1, latencyMs: 1 }
          : { kind: 'failed', modulesFault: true, latencyMs: 1, error: new Error() as never },
      );
    };
    call(true);
    expect(shareOf(board)).toBeUndefined();
    call(false);
    await clock.advance(1_000);
    call(true);
    expect(board.record('a')?.breaker.phase).toBe('CLOSED');
    expect(shareOf(board)).toBeCloseTo(0.1);
    await clock.advance(5_000);
    expect(shareOf(board)).toBeCloseTo(0.55);
    await clock.advance(5_000);
    expect(shareOf(board)).toBeUndefined();
    expect(back).toEqual(['its breaker has closed after 1 openings']);
  });

  it('does so after a failure of the module itself, not after an ordinary start', () => {
    const { board } = boardWith();
    show(board, 'UNLOADED', 'LOADING', 'READY');
    expect(shareOf(board)).toBeUndefined();
    show(board, 'FAILED', 'LOADING', 'READY');
    expect(shareOf(board)).toBeCloseTo(0.1);
  });

  it('does not where somebody closes the breaker by hand', () => {
    const { board } = boardWith();
    show(board, 'READY');
    board.setBreaker('a', 'open');
    board.setBreaker('a', 'closed');
    expect(shareOf(board)).toBeUndefined();
  });
});
