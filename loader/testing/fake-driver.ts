import type { ReplicaDriver, ReplicaEvent, ReplicaOrder, StopOptions } from '../drivers/driver.ts';

/** A replica of the fake driver: the test says what is observed of it. */
export interface FakeReplica {
  readonly order: ReplicaOrder;
  readonly stopped: StopOptions | undefined;
  ready(counts?: { inFlight?: number; completed?: number }): void;
  unhealthy(reason: string): void;
  /** Ends unasked. */
  crash(reason?: string): void;
  /** Lets an asked stop come to its end. */
  finishStop(): void;
}

export interface FakeDriver extends ReplicaDriver {
  /** Every run there was, oldest first; a restart is a run of its own. */
  readonly runs: readonly FakeReplica[];
  /** Runs of one module that have not ended. */
  live(moduleId: string): readonly FakeReplica[];
  /** Orders given: starts and stops. */
  orders(): number;
}

/** Gives a driver that starts nothing; `stopAtOnce` lets each stop end without finishStop. */
export function createFakeDriver({ stopAtOnce = false } = {}): FakeDriver {
  const runs: (FakeReplica & { ended: boolean })[] = [];
  let orders = 0;
  return {
    runs,
    live: (moduleId) => runs.filter((run) => run.order.spec.module_id === moduleId && !run.ended),
    orders: () => orders,
    start(order, onEvent) {
      orders += 1;
      const { promise, resolve } = Promise.withResolvers<undefined>();
      const send = (event: ReplicaEvent): void => {
        if (!run.ended) onEvent(event);
      };
      const status = (phase: 'READY' | 'UNHEALTHY', inFlight: number, completed: number, reason: string): void => {
        const endpoint = { address: '127.0.0.1', port: 40_000 + runs.indexOf(run) };
        send({ type: 'status', phase, endpoint, inFlight, completed, reason });
      };
      const end = (reason: string): void => {
        send({ type: 'ended', reason });
        run.ended = true;
        resolve(undefined);
      };
      const run = {
        order,
        ended: false,
        stopped: undefined as StopOptions | undefined,
        ready: ({ inFlight = 0, completed = 0 } = {}) => {
          status('READY', inFlight, completed, '');
        },
        unhealthy: (reason: string) => {
          status('UNHEALTHY', 0, 0, reason);
        },
        crash: (reason = 'it crashed') => {
          end(reason);
        },
        finishStop: () => {
          end('stopped');
        },
      };
      runs.push(run);
      return {
        stop: (options) => {
          orders += 1;
          run.stopped = options;
          if (stopAtOnce) end('stopped');
          return promise;
        },
      };
    },
    found: () => Promise.resolve([]),
    close: () => Promise.resolve(),
  };
}
