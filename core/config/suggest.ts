/** Gives the least number of single-character edits (insert, delete, replace, swap of neighbours) from `a` to `b`. */
export function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min(at(previous, j) + 1, at(current, j - 1) + 1, at(previous, j - 1) + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) best = Math.min(best, at(beforePrevious, j - 2) + 1);
      current.push(best);
    }
    beforePrevious = previous;
    previous = current;
  }
  return at(previous, b.length);
}

/** Rows are always filled up to the index that is read, so a gap cannot win a minimum. */
function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}

/** Longer words come from generated input; a suggestion for them is of no use and costs their product in time. */
const MAX_WORD = 200;

/**
 * Gives `; did you mean "…"?` for the candidate nearest to `word`, or nothing when none is near: at most a third of the
 * word's letters may differ, letter case aside.
 */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  if (word.length > MAX_WORD) return '';
  const wanted = word.toLowerCase();
  let best: { readonly text: string; readonly distance: number } | undefined;
  for (const text of candidates) {
    const distance = editDistance(wanted, text.toLowerCase());
    if (distance <= Math.max(1, Math.floor(wanted.length / 3)) && (best === undefined || distance < best.distance)) {
      best = { text, distance };
    }
  }
  return best === undefined ? '' : `; did you mean "${best.text}"?`;
}
