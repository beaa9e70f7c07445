import type { Clock } from '../../core/clock.ts';

/** A change that is told of, or an answer to what a client has asked for. */
export type WorkKind = 'push' | 'answer';

/** Shares the event loop out among all streams of a control plane. */
export interface Turns {
  /** Does a piece of work: at once while this turn has room, in a later turn otherwise, in order within its kind. */
  run(kind: WorkKind, work: () => void): void;
}

/** Responses made and written before the event loop reads what clients have sent meanwhile. */
const WORK_PER_TURN = 100;
/** The shortest time in which the event loop looks at its sockets again for certain, in milliseconds. */
const TURN_MS = 1;

/**
 * Gives turns. However many clients come or answer at once, a turn does so much and no more, and half of it is for changes as long
 * as there are any, so that neither connecting clients nor acknowledgements keep a change from those who are there (checklist 54).
 */
export function createTurns(clock: Clock, perTurn = WORK_PER_TURN): Turns {
  const queues: Record<WorkKind, (() => void)[]> = { push: [], answer: [] };
  let done = 0;
  let isScheduled = false;

  const next = (): void => {
    if (isScheduled) return;
    isScheduled = true;
    clock.after(TURN_MS, turn);
  };
  const take = (): (() => void) | undefined => {
    const [first, second]: WorkKind[] = done % 2 === 0 ? ['push', 'answer'] : ['answer', 'push'];
    return queues[first ?? 'push'].shift() ?? queues[second ?? 'answer'].shift();
  };
  const turn = (): void => {
    isScheduled = false;
    done = 0;
    while (done < perTurn) {
      const work = take();
      if (work === undefined) break;
      done += 1;
      next();
      work();
    }
  };
  return {
    run: (kind, work) => {
      next();
      if (done < perTurn && queues.push.length + queues.answer.length === 0) {
        done += 1;
        work();
      } else queues[kind].push(work);
    },
  };
}
