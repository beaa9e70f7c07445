import type { RouteResponse, StreamRouteResponse } from '../../gen/frontier/router/v1/router.ts';
import type { Paint } from './paint.ts';

/** Where an answer is written: its text, and beside it what happened on the way. */
export interface AnswerStreams {
  readonly content: (text: string) => void;
  readonly notes: (line: string) => void;
  /** Shows progress in one line that the next output replaces; left out where lines cannot be replaced. */
  readonly progress?: (line: string) => void;
}

/** Takes a streamed answer's events as they come and writes them for people. */
export interface AnswerView {
  take(event: StreamRouteResponse): void;
  /** Ends a line that was left open, e.g. when the stream broke. */
  end(): void;
}

/** Gives a view of one answer. `now` gives the time as the events' timestamps do, in milliseconds. */
export function createAnswerView(
  { content, notes, progress }: AnswerStreams,
  paint: Paint,
  nowMs: () => number,
): AnswerView {
  let isLineOpen = false;
  let hasText = false;
  let lastStage = '';
  const closeLine = (): void => {
    if (isLineOpen) content('\n');
    isLineOpen = false;
  };
  const note = (text: string): void => {
    closeLine();
    notes(paint('dim', text));
  };
  const handlers: Handlers = {
    decision: ({ queryClass, probabilities, plan }) => {
      const probability = probabilities.find((candidate) => candidate.queryClass === queryClass)?.probability ?? 0;
      const order = (plan?.steps ?? []).map(({ moduleId }) => moduleId).join(' → ');
      const unsure = plan?.abstained === true ? ', unsure' : '';
      note(`${queryClass} ${percent(probability)}${unsure} · ${order}`);
    },
    warming: ({ moduleId, progress: fraction, expectedReadyTime, stage }) => {
      const leftMs = expectedReadyTime === undefined ? undefined : expectedReadyTime.getTime() - nowMs();
      const left = leftMs === undefined || leftMs < 0 ? '' : `, about ${(leftMs / 1000).toFixed(1)} s`;
      const text = `starting ${moduleId} ${percent(fraction)}${stage === '' ? '' : ` ${stage}`}${left}`;
      if (progress !== undefined) progress(paint('dim', text));
      else if (lastStage !== `${moduleId} ${stage}`) note(text);
      lastStage = `${moduleId} ${stage}`;
    },
    token: ({ text }) => {
      hasText = true;
      isLineOpen = text === '' ? isLineOpen : !text.endsWith('\n');
      content(text);
    },
    attemptFailed: ({ moduleId, reason, discard, detail }) => {
      const discarded = discard && hasText ? '; the text above is discarded' : '';
      if (discard) hasText = false;
      note(`${moduleId} failed: ${detail === '' ? reason : `${detail} [${reason}]`}${discarded}`);
    },
    fallback: ({ fromModuleId, toModuleId }) => {
      note(`${fromModuleId} → ${toModuleId}`);
    },
    confidence: () => undefined,
    usage: () => undefined,
    done: (response) => {
      if (!hasText) {
        content(response.content);
        isLineOpen = !response.content.endsWith('\n');
      }
      closeLine();
      notes(paint('dim', summary(response)));
    },
  };
  return {
    take({ event }) {
      if (event === undefined) return;
      const handle = handlers[event.$case] as (value: unknown) => void;
      handle(event.value);
    },
    end: closeLine,
  };
}

type Event = NonNullable<StreamRouteResponse['event']>;
type Handlers = { readonly [Case in Event['$case']]: (value: Extract<Event, { $case: Case }>['value']) => void };

/** Gives an answer's last line: who answered, how sure, what it took. */
export function summary({
  moduleUsed,
  confidenceScore,
  processingTime,
  fallbackUsed,
  metadata,
}: RouteResponse): string {
  return [
    `${moduleUsed}${fallbackUsed ? ' (fallback)' : ''}`,
    `confidence ${confidenceScore.toFixed(2)}`,
    `${metadata?.tokenCount ?? 0} tokens`,
    `${processingTime.toFixed(2)} s`,
    `cost ${Number((metadata?.cost ?? 0).toPrecision(3))}`,
    ...(metadata?.cacheHit === true ? ['cached'] : []),
  ].join(' · ');
}

function percent(fraction: number): string {
  return `${Math.round(fraction * 100)} %`;
}
