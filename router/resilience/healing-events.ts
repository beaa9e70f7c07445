/** What is done by itself about a module. */
export const HEALING_ACTIONS = [
  'slow_start',
  'restart',
  'restart_refused',
  'quarantine',
  'release',
  'drift',
  'drift_over',
  'exhausted',
  'exhausted_over',
  'drain',
  'warm',
  'tune',
] as const;
export type HealingAction = (typeof HEALING_ACTIONS)[number];

/** One action, with why it was taken. */
export interface HealingEvent {
  readonly action: HealingAction;
  readonly moduleId: string;
  /** Text for people, with the figures that decided. */
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

/** The last actions, oldest first. */
export interface HealingEvents {
  add(event: HealingEvent): void;
  list(): readonly HealingEvent[];
}

const MOST_EVENTS = 500;

/** Creates an empty list; `onEvent` is told of each one. */
export function createHealingEvents(onEvent: (event: HealingEvent) => void): HealingEvents {
  let events: readonly HealingEvent[] = [];
  return {
    add(event) {
      events = [...events, event].slice(-MOST_EVENTS);
      onEvent(event);
    },
    list: () => events,
  };
}
