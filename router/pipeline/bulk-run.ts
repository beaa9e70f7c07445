import { FrontierError } from '../../core/errors.ts';
import type { ModuleMessage } from '../../gen/frontier/common/v1/message.ts';
import { answerFromMessage, priorsToMessage, queryToMessage } from '../bindings/module-message.ts';
import { costOf } from '../decide/cost.ts';
import type { Decision } from '../decide/decide.ts';
import type { JudgedAnswer } from '../domain/answer.ts';
import type { Query } from '../domain/query.ts';
import { failedRecord } from '../execute/attempt.ts';
import { attemptFailure, isModulesFault, mayBeMeshLag } from '../execute/attempt-failure.ts';
import type { BulkCall } from '../execute/module-stream.ts';
import { withTokenCap } from '../execute/token-cap.ts';
import { priorsFor } from '../execute/priors.ts';
import { createProgress, exhausted, note, type NotedOutcome, type Progress } from '../execute/progress.ts';
import type { BulkDependencies } from './dependencies.ts';
import { isAccepted } from './judge.ts';

/** What a bulk query came to. */
export type BulkOutcome = { readonly answer: JudgedAnswer; readonly moduleId: string } | FrontierError;

const NO_TRACE = {};

/** Pause before a call is repeated that the mesh could not deliver yet, in milliseconds. */
const LAG_PAUSE_MS = 50;

/**
 * One query of a bulk call on its way through its plan. The same steps as `executeSequentially`, but by callbacks and without a
 * timer, a promise or a span of its own: tens of thousands pass in a second.
 */
export class BulkRun implements BulkCall {
  /** The same for every attempt: each is over before the next one begins, and a late reply of it is on another stream. */
  readonly messageId: string;
  readonly query: Query;
  readonly decision: Decision;
  readonly progress: Progress = createProgress();
  readonly startedMs: number;
  /** When it is given up, on the monotonic clock. */
  readonly expiresMs: number;
  readonly #dependencies: BulkDependencies;
  readonly #tenant: string;
  readonly #signal: AbortSignal;
  readonly #onDone: (run: BulkRun, outcome: BulkOutcome) => void;
  #step = -1;
  #attemptMs = 0;
  /** When the present attempt was sent; undefined while it waits for a place at the module. */
  #sentMs: number | undefined;
  /** Module of the present attempt. */
  #moduleId = '';
  #calling = false;
  #over = false;

  constructor(
    query: Query,
    decision: Decision,
    tenant: string,
    times: { readonly startedMs: number; readonly expiresMs: number; readonly signal: AbortSignal },
    dependencies: BulkDependencies,
    onDone: (run: BulkRun, outcome: BulkOutcome) => void,
  ) {
    this.messageId = dependencies.nextMessageId();
    this.query = query;
    this.decision = decision;
    this.startedMs = times.startedMs;
    this.expiresMs = times.expiresMs;
    this.#signal = times.signal;
    this.#tenant = tenant;
    this.#dependencies = dependencies;
    this.#onDone = onDone;
  }

  /** Calls the next module of the plan, or ends when there is none. */
  next(): void {
    this.#step += 1;
    const moduleId = this.decision.plan.steps[this.#step]?.moduleId;
    if (moduleId === undefined) this.#finish(this.progress.best ?? exhausted(this.progress));
    else if (this.#dependencies.board.record(moduleId)?.readyReplicas === 0) void this.#activate(moduleId);
    else this.#call(moduleId);
  }

  /** Ends the run from outside: its deadline has passed, or its caller is gone. */
  abandon(error: FrontierError): void {
    if (this.#over) return;
    if (this.#calling) {
      this.#dependencies.lanes.get(this.#moduleId).forget(this);
      this.#end(this.#moduleId, { kind: 'released' });
    }
    this.#finish(error);
  }

  async #activate(moduleId: string): Promise<void> {
    const { activator, board, clock } = this.#dependencies;
    const startedMs = clock.monotonicMs();
    try {
      for await (const _progress of activator.wait(moduleId, this.#signal)) if (this.#over) return;
      board.markReady(moduleId);
      this.progress.coldStartMs += clock.monotonicMs() - startedMs;
      if (!this.#over) this.#call(moduleId);
    } catch (thrown) {
      if (this.#over) return;
      const error = attemptFailure(moduleId, thrown, false);
      this.#goOn({ kind: 'failed', error, record: failedRecord(moduleId, error, clock.monotonicMs() - startedMs) });
    }
  }

  #call(moduleId: string): void {
    const { board, clock } = this.#dependencies;
    if (!board.begin(moduleId, true)) {
      const error = new FrontierError('BREAKER_OPEN', `${moduleId} has failed repeatedly and is given time to recover`);
      this.#goOn({ kind: 'failed', error, record: failedRecord(moduleId, error, 0) });
      return;
    }
    this.#attemptMs = clock.monotonicMs();
    this.#sentMs = undefined;
    this.#moduleId = moduleId;
    this.#calling = true;
    this.#dependencies.lanes.get(moduleId).send(this);
  }

  /** Gives the present attempt's message, when its turn to be sent has come. */
  message(): ModuleMessage {
    const { board, clock, calibration } = this.#dependencies;
    const { messageId } = this;
    const moduleId = this.#moduleId;
    if (this.#sentMs === undefined) board.noteSent(moduleId);
    this.#sentMs = clock.monotonicMs();
    const record = board.record(moduleId);
    const priors = priorsToMessage(priorsFor(record, this.decision.classification.queryClass, calibration));
    const query = withTokenCap(this.query, record?.spec, this.decision.plan.brownOut?.maxTokens);
    return queryToMessage({ messageId, moduleId, tenant: this.#tenant, trace: NO_TRACE }, query, priors);
  }

  onReply(message: ModuleMessage): void {
    const moduleId = this.#moduleId;
    const { board, clock } = this.#dependencies;
    const nowMs = clock.monotonicMs();
    const latencyMs = nowMs - this.#attemptMs;
    const serviceMs = nowMs - (this.#sentMs ?? this.#attemptMs);
    try {
      const answer = answerFromMessage(message);
      const accepted = isAccepted(answer);
      const { usage, confidence } = answer;
      const { score, rawScore } = confidence;
      const told = { confidence: score, rawScore, latencyMs, serviceMs, tokens: usage.completionTokens };
      this.#end(moduleId, { kind: 'answered', accepted, ...told });
      const spec = board.record(moduleId)?.spec;
      const cost = spec === undefined ? 0 : costOf(spec, answer.usage);
      const reason = accepted ? undefined : 'LOW_CONFIDENCE';
      this.#goOn({
        kind: 'answered',
        answer,
        record: { moduleId, accepted, reason, latencyMs, cost, confidenceScore: answer.confidence.score },
      });
    } catch (thrown) {
      this.#fail(moduleId, thrown, latencyMs);
    }
  }

  onBroken(error: FrontierError): void {
    const moduleId = this.#moduleId;
    const { board, clock } = this.#dependencies;
    if (mayBeMeshLag(error) && board.isFresh(moduleId)) {
      clock.after(LAG_PAUSE_MS, () => {
        if (!this.#over) this.#dependencies.lanes.get(moduleId).send(this);
      });
      return;
    }
    this.#fail(moduleId, error, clock.monotonicMs() - this.#attemptMs);
  }

  #fail(moduleId: string, thrown: unknown, latencyMs: number): void {
    const error = attemptFailure(moduleId, thrown, false);
    this.#end(moduleId, { kind: 'failed', modulesFault: isModulesFault(error), latencyMs, error });
    this.#goOn({ kind: 'failed', error, record: failedRecord(moduleId, error, latencyMs) });
  }

  #end(moduleId: string, end: Parameters<BulkDependencies['board']['end']>[2]): void {
    this.#calling = false;
    const wasSent = this.#sentMs !== undefined;
    this.#dependencies.board.end(moduleId, this.decision.classification.queryClass, end, true, wasSent);
  }

  #goOn(outcome: NotedOutcome): void {
    note(this.progress, outcome);
    if (outcome.kind === 'answered' && outcome.record.accepted)
      this.#finish({ answer: outcome.answer, moduleId: outcome.record.moduleId });
    else this.next();
  }

  #finish(outcome: BulkOutcome): void {
    if (this.#over) return;
    this.#over = true;
    this.#onDone(this, outcome);
  }
}
