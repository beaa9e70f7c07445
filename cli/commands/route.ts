import type { Command } from 'commander';
import { systemClock } from '../../core/clock.ts';
import { FrontierError } from '../../core/errors.ts';
import { StreamRouteResponse } from '../../gen/frontier/router/v1/router.ts';
import { connectRouter } from '../client/router-client.ts';
import { numberOf, routeRequest, type QueryFlags } from '../client/route-request.ts';
import { findTarget, type TargetFlags } from '../client/target.ts';
import { collect, withTarget } from '../client/target-options.ts';
import { createAnswerView } from '../output/answer-view.ts';
import { explanationLines } from '../output/explanation.ts';
import { paintFor } from '../output/paint.ts';
import { queryFrom } from '../client/query-text.ts';

interface RouteFlags extends QueryFlags, TargetFlags {
  readonly json?: boolean;
  readonly timeout: string;
}

/** Adds `frontier route`. */
export function addRoute(program: Command): void {
  withTarget(program.command('route'))
    .argument('[query...]', 'the query; read from standard input when left out')
    .description('ask a question and watch the answer come')
    .option('--module <id>', 'module that must answer')
    .option('--attach <file>', 'file that belongs to the query; may be given again', collect)
    .option('--context <key=value>', 'context; may be given again', collect)
    .option('--param <key=value>', 'parameter, e.g. max_tokens=50; may be given again', collect)
    .option('--max-cost <amount>', 'highest cost of the answer')
    .option('--user <id>', 'user on whose behalf')
    .option('--explain', 'show how the answer came about')
    .option('--json', 'print each event as one line of JSON')
    .option('--timeout <seconds>', 'longest wait for the answer', '120')
    .action(route);
}

async function route(words: readonly string[], flags: RouteFlags): Promise<void> {
  const request = routeRequest(await queryFrom(words, (flags.attach ?? []).length > 0), flags);
  const deadlineMs = systemClock.nowMs() + numberOf(flags.timeout, 'timeout') * 1000;
  const client = connectRouter(findTarget(flags));
  const view = flags.json === true ? jsonView() : peopleView(flags);
  let isDone = false;
  try {
    for await (const event of client.streamRoute(request, deadlineMs)) {
      view.take(event);
      isDone ||= event.event?.$case === 'done';
    }
  } finally {
    view.end();
    client.close();
  }
  if (!isDone) throw new FrontierError('STREAM_BROKEN', 'the stream ended without an answer');
}

interface View {
  readonly take: (event: StreamRouteResponse) => void;
  readonly end: () => void;
}

function jsonView(): View {
  return {
    take: (event) => {
      process.stdout.write(`${JSON.stringify(StreamRouteResponse.toJSON(event))}\n`);
    },
    end: () => undefined,
  };
}

/** The answer goes to standard output and all else to standard error, so that a pipe gets the answer alone. */
function peopleView(flags: RouteFlags): View {
  // On a terminal both streams are one screen: a progress line is wiped before anything else is written.
  let hasProgress = false;
  const wipe = (): void => {
    if (hasProgress) process.stderr.write('\r\x1b[2K');
    hasProgress = false;
  };
  const notes = (line: string): void => {
    wipe();
    process.stderr.write(`${line}\n`);
  };
  const content = (text: string): void => {
    wipe();
    process.stdout.write(text);
  };
  const progress = (line: string): void => {
    wipe();
    process.stderr.write(line);
    hasProgress = true;
  };
  const paint = paintFor(process.stderr);
  const streams = { content, notes, ...(process.stderr.isTTY ? { progress } : {}) };
  const view = createAnswerView(streams, paint, () => systemClock.nowMs());
  return {
    end: () => {
      view.end();
    },
    take: (event) => {
      view.take(event);
      const explanation = event.event?.$case === 'done' ? event.event.value.metadata?.explanation : undefined;
      if (flags.explain === true && explanation !== undefined) explanationLines(explanation, paint).forEach(notes);
    },
  };
}
