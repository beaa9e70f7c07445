import { loadConfig } from '../../core/config/load.ts';
import { moduleSpecSchema, QUERY_CLASSES } from '../../core/config/schema.ts';
import { createSeededRng } from '../../core/rng.ts';
import { createLexicalClassifier } from '../../router/classification/lexical-classifier.ts';
import { loadModel } from '../../router/classification/load-model.ts';
import { decide } from '../../router/decide/decide.ts';
import { createPlanBook } from '../../router/decide/plan-book.ts';
import type { ModuleStatus } from '../../router/decide/module-status.ts';
import { selectionPolicyOf } from '../../router/decide/selection-policy.ts';
import type { Principal } from '../../router/domain/principal.ts';
import { plainQuery } from '../../router/domain/query.ts';
import { percentile } from '../load/percentile.ts';
import { benchCascade } from './cascade.ts';
import { createMapClassifier } from './map-classifier.ts';
import { makeQueries, naturalQueries } from './queries.ts';

export interface ClassifyBenchResult {
  readonly bench: 'classify';
  readonly figures: Readonly<Record<string, number>>;
  /** How many times as fast as the baseline in the same run. */
  readonly ratios: { readonly stage1_vs_map: number };
}

const QUERIES = 20_000;
/** Queries of the cascade: each may take milliseconds. */
const CASCADE_QUERIES = 2_000;
const MODULES = 100;
const SEED = 11;

/** Measures the classifier, and classification and planning together over 100 modules, on one core. */
export async function benchClassify(rounds: number, onProgress: (text: string) => void): Promise<ClassifyBenchResult> {
  const texts = makeQueries(QUERIES, createSeededRng(SEED));
  const model = loadModel();
  const classifier = createLexicalClassifier(model);
  const queries = texts.map((text, at) => plainQuery(`r${at}`, text));
  onProgress('a classifier with a Map, for comparison');
  const mapped = createMapClassifier(model, texts);
  const map = timesOf(texts, rounds, (text) => mapped(text));
  onProgress('the classifier');
  const stage1 = timesOf(queries, rounds, (query) => classifier.classify(query).probability);
  onProgress(`deciding over ${MODULES} modules`);
  const statuses = new Map(Array.from({ length: MODULES }, (_none, at) => moduleAt(at)));
  const settings = loadConfig().orchestration;
  const policy = {
    confidenceThreshold: settings.router.classification.confidence_threshold,
    maxAttempts: settings.fallback.max_attempts,
    minSuccessRate: settings.fallback.health_monitoring.min_success_rate,
    selection: selectionPolicyOf(settings.router.selection),
  };
  const planner = createPlanBook(policy);
  const natural = naturalQueries(QUERIES).map((text, at) => plainQuery(`r${at}`, text));
  const usual = timesOf(natural, rounds, (query) => classifier.classify(query).probability);
  const decisions = bestPerSecond(natural, rounds, (query) => {
    return decide(query, classifier.classify(query), planner, statuses, CALLER).plan.steps.length;
  });
  onProgress('both stages');
  const cascade = await benchCascade(texts.slice(0, CASCADE_QUERIES));
  return {
    bench: 'classify',
    figures: {
      stage1_p50_us: rounded(percentile(stage1, 0.5)),
      stage1_p99_us: rounded(percentile(stage1, 0.99)),
      stage1_natural_p50_us: rounded(percentile(usual, 0.5)),
      stage1_natural_p99_us: rounded(percentile(usual, 0.99)),
      map_p50_us: rounded(percentile(map, 0.5)),
      decisions_per_s: Math.round(decisions),
      ...Object.fromEntries(Object.entries(cascade).map(([name, value]) => [name, rounded(value, 4)])),
    },
    ratios: { stage1_vs_map: rounded(percentile(map, 0.5) / percentile(stage1, 0.5)) },
  };
}

const CALLER: Principal = { tenant: 'bench', subject: 'bench', permissions: new Set(['route']), modules: undefined };

/** Twenty modules of each class, half of them ready. */
function moduleAt(at: number): [string, ModuleStatus] {
  const id = `module-${at}`;
  const queryClass = QUERY_CLASSES[at % QUERY_CLASSES.length] ?? 'GENERAL';
  return [
    id,
    {
      spec: moduleSpecSchema.parse({ module_id: id, query_classes: [queryClass] }),
      state: 'READY',
      reason: '',
      readyReplicas: at % 2,
      expectedActivationMs: undefined,
      breakerAdmits: true,
      inFlight: at % 3,
      history: new Map([
        [queryClass, { count: 20 + at, successRate: 0.9, confidence: 0.5 + (at % 7) / 20, latencyMs: 300 + at }],
      ]),
    },
  ];
}

/** Time of each call in the last of `rounds` rounds, in microseconds, lowest first. The rounds before warm up. */
function timesOf<T>(inputs: readonly T[], rounds: number, call: (input: T) => unknown): number[] {
  let times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    times = inputs.map((input) => {
      const started = process.hrtime.bigint();
      call(input);
      return Number(process.hrtime.bigint() - started) / 1000;
    });
  }
  return times;
}

/** Calls a second of processor time in the fastest of `rounds` rounds over all inputs: what others do on the machine only slows. */
function bestPerSecond<T>(inputs: readonly T[], rounds: number, call: (input: T) => unknown): number {
  let best = 0;
  for (let round = 0; round < rounds; round += 1) {
    const before = process.cpuUsage();
    for (const input of inputs) call(input);
    const { user, system } = process.cpuUsage(before);
    best = Math.max(best, inputs.length / ((user + system) / 1e6));
  }
  return best;
}

function rounded(value: number, digits = 2): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}
