/**
 * Structural sharing: what is made of the same objects is the same object. Results are kept as long as what they were made
 * of, so a change of one module makes that module's resources anew and no others, and functions stay pure to whoever
 * calls them. Inputs must never be edited.
 */

/** Gives `make` with its results kept by the identity of its argument. */
export function shared<Input extends object, Result>(make: (input: Input) => Result): (input: Input) => Result {
  const kept = new WeakMap<Input, { readonly result: Result }>();
  return (input) => {
    const found = kept.get(input) ?? { result: make(input) };
    kept.set(input, found);
    return found.result;
  };
}

/** Gives `make` with its results kept by the identity of both arguments. */
export function sharedByBoth<First extends object, Second extends object, Result>(
  make: (first: First, second: Second) => Result,
): (first: First, second: Second) => Result {
  const forFirst = shared((first: First) => shared((second: Second) => make(first, second)));
  return (first, second) => forFirst(first)(second);
}

/** Gives `make` with its last result for each first argument kept, for as long as the second one says the same. */
export function sharedByContent<First extends object, Second, Result>(
  make: (first: First, second: Second) => Result,
): (first: First, second: Second) => Result {
  const kept = new WeakMap<First, { readonly text: string; readonly result: Result }>();
  return (first, second) => {
    const text = JSON.stringify(second);
    const last = kept.get(first);
    if (last?.text === text) return last.result;
    const result = make(first, second);
    kept.set(first, { text, result });
    return result;
  };
}

/** Gives `make` with its last result for each owner kept, for as long as the list has the same items in the same order. */
export function sharedByItems<Owner extends object, Item, Result>(
  make: (owner: Owner, items: readonly Item[]) => Result,
): (owner: Owner, items: readonly Item[]) => Result {
  const kept = new WeakMap<Owner, { readonly items: readonly Item[]; readonly result: Result }>();
  return (owner, items) => {
    const last = kept.get(owner);
    if (last?.items.length === items.length && last.items.every((item, index) => item === items[index])) {
      return last.result;
    }
    const result = make(owner, items);
    kept.set(owner, { items, result });
    return result;
  };
}
