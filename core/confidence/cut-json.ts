/** How JSON begins that is more than one value; `[1]` at the start of a text may be a footnote. */
const BEGINNING = /^\s*(?:\{\s*["}]|\[\s*[[{"])/;

/** Tells whether a text begins as a JSON object or list and ends before that does: of no use to whoever reads it as JSON. */
export function isCutJson(text: string): boolean {
  if (!BEGINNING.test(text)) return false;
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at];
    if (inString) {
      if (char === '\\') at += 1;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === '{' || char === '[') depth += 1;
    else if (char === '}' || char === ']') depth -= 1;
    if (depth === 0 && !inString && /\S/.test(char ?? '')) return false;
  }
  return true;
}
