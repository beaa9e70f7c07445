import { QUERY_CLASSES, type AddedClass, type QueryClass } from '../../core/config/schema.ts';
import { FrontierError } from '../../core/errors.ts';
import type { Classification, ClassifierInput, ClassProbability, Signal, StagedClassifier } from './classifier.ts';

/** Evidence of a domain for a class that the model knows, in log-odds: decides where the text leaves the matter open. */
const DOMAIN_WEIGHT = 2.5;
/** The same for a class that it does not know, against the most probable other one: there is no other evidence, so it decides. */
const SOLE_WEIGHT = 4;

/**
 * Compares the classes that a model knows with those that configuration adds. Throws CONFIG_INVALID, saying what to do, when the
 * model has one that is not configured, or when one that is configured could never be found. Gives those that only
 * `context.domain` can tell of.
 */
export function checkModelClasses(
  modelClasses: readonly string[],
  added: readonly AddedClass[],
): readonly QueryClass[] {
  const known = [...QUERY_CLASSES, ...added.map(({ id }) => id)];
  const strange = modelClasses.filter((name) => !known.includes(name));
  const missing = added.filter(({ id }) => !modelClasses.includes(id));
  const faults = [
    ...strange.map(
      (name) =>
        `router.classification.model knows the class ${name}, which is not configured: add it to router.classification.classes, or train a model without it`,
    ),
    ...missing
      .filter(({ domains }) => domains.length === 0)
      .map(
        ({ id }) =>
          `the classifier's model does not know the class ${id} of router.classification.classes, so no query could come to it: train one on examples of every class (frontier train classifier --data FILE --output FILE) and name it in router.classification.model, or give the class domains`,
      ),
  ];
  if (faults.length > 0) throw new FrontierError('CONFIG_INVALID', faults.join('\n'));
  return missing.map(({ id }) => id);
}

/**
 * Adds to a classifier what configuration says of classes: the words of `context.domain` that speak for them, and a
 * place among the probabilities for those that its model does not know.
 */
export function withConfiguredClasses(
  classifier: StagedClassifier,
  modelClasses: readonly string[],
  added: readonly AddedClass[],
): StagedClassifier {
  const byWord = new Map(added.flatMap(({ id, domains }) => domains.map((word) => [word.toLowerCase(), id] as const)));
  const missing = checkModelClasses(modelClasses, added);
  if (byWord.size === 0) return classifier;
  const adjusted = (input: ClassifierInput, base: Classification): Classification => {
    const word = domainOf(input);
    const named = word === undefined ? undefined : byWord.get(word);
    if (named === undefined) return missing.length === 0 ? base : new Adjusted(base, withMissing(base, missing), []);
    const weight = missing.includes(named) ? SOLE_WEIGHT : DOMAIN_WEIGHT;
    const signal = { name: `context.domain: ${word ?? ''}`, queryClass: named, weight };
    return new Adjusted(base, lifted(withMissing(base, missing), signal), [signal]);
  };
  return {
    classify: (input) => adjusted(input, classifier.classify(input)),
    classifyFully(input) {
      const found = classifier.classifyFully(input);
      return found instanceof Promise ? found.then((base) => adjusted(input, base)) : adjusted(input, found);
    },
  };
}

function domainOf({ context }: ClassifierInput): string | undefined {
  const domain = context?.['domain'];
  return typeof domain === 'string' ? domain.toLowerCase() : undefined;
}

function withMissing({ probabilities }: Classification, missing: readonly QueryClass[]): readonly ClassProbability[] {
  return [...probabilities, ...missing.map((queryClass) => ({ queryClass, probability: 0 }))];
}

/** Adds evidence for a class: log-odds added before the softmax are factors after it. One without any begins at the highest. */
function lifted(probabilities: readonly ClassProbability[], { queryClass, weight }: Signal): ClassProbability[] {
  const highest = probabilities[0]?.probability ?? 1;
  const odds = probabilities.map((each) =>
    each.queryClass === queryClass ? (each.probability || highest) * Math.exp(weight) : each.probability,
  );
  const sum = odds.reduce((total, one) => total + one, 0);
  return probabilities
    .map((each, at) => ({ queryClass: each.queryClass, probability: (odds[at] ?? 0) / sum }))
    .sort((a, b) => b.probability - a.probability);
}

/** A classification with other probabilities; still names what decided only when asked. */
class Adjusted implements Classification {
  readonly queryClass: QueryClass;
  readonly probability: number;
  readonly margin: number;
  readonly probabilities: readonly ClassProbability[];
  readonly stage: string;
  readonly #base: Classification;
  readonly #beside: readonly Signal[];

  constructor(base: Classification, probabilities: readonly ClassProbability[], beside: readonly Signal[]) {
    this.queryClass = probabilities[0]?.queryClass ?? base.queryClass;
    this.probability = probabilities[0]?.probability ?? 0;
    this.margin = this.probability - (probabilities[1]?.probability ?? 0);
    this.probabilities = probabilities;
    this.stage = base.stage;
    this.#base = base;
    this.#beside = beside;
  }

  get signals(): readonly Signal[] {
    return [...this.#beside, ...this.#base.signals];
  }
}
