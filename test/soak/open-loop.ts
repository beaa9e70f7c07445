import { systemClock } from '../../core/clock.ts';
import type { Rng } from '../../core/rng.ts';
import { ask, FORMS, type Asked, type Form, type Target } from '../faults/ask.ts';

/** One request of the load, and what was wrong with the system when it came. */
export interface Sent extends Asked {
  readonly form: Form;
  readonly fault: string;
}

export interface OpenLoop {
  /** Requests that have ended so far. */
  readonly ended: readonly Sent[];
  readonly open: number;
  /** Sends no more, and waits for those that are open. */
  finish(): Promise<void>;
}

/**
 * Sends requests by a schedule that does not wait for answers: at exponential distances (a Poisson process), in a form drawn for
 * each. A system that is slow gets no fewer of them, which closed loops hide (Schroeder et al., NSDI 2006).
 */
export function startOpenLoop(target: Target, perSecond: number, rng: Rng, faultNow: () => string): OpenLoop {
  const ended: Sent[] = [];
  const open = new Set<Promise<void>>();
  let running = true;
  let dueMs = systemClock.monotonicMs();
  let cancel = (): void => undefined;
  const send = (): void => {
    const form = FORMS[Math.floor(rng.next() * FORMS.length)] ?? 'http';
    const fault = faultNow();
    const one = ask(form, target).then((asked) => {
      ended.push({ ...asked, form, fault });
      open.delete(one);
    });
    open.add(one);
  };
  const schedule = (): void => {
    dueMs += (-Math.log(1 - rng.next()) / perSecond) * 1_000;
    cancel = systemClock.after(Math.max(0, dueMs - systemClock.monotonicMs()), () => {
      if (!running) return;
      send();
      schedule();
    });
  };
  schedule();
  return {
    ended,
    get open() {
      return open.size;
    },
    async finish() {
      running = false;
      cancel();
      while (open.size > 0) await Promise.all(open);
    },
  };
}
