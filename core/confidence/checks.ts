import type { TextScan } from './text-scan.ts';

/** Outcome of the checks that can be run on an answer by itself. */
export interface Checks {
  readonly passed: number;
  readonly failed: number;
}

const MOST_EQUATIONS = 20;
/** Longest answer whose JSON is parsed, in characters; a longer one is not checked. */
const LONGEST_JSON = 262_144;
const EQUATION =
  /(?<![\d.)\w+*/×÷-] ?)(\d{1,9}(?:\.\d{1,6})?) ?([-+*/×÷]) ?(\d{1,9}(?:\.\d{1,6})?) ?= ?\$?(\d{1,12}(?:,\d{3})*(?:\.\d{1,6})?)(?![\d\w%.]*[-+*/×÷^(])/g;
const WANTS_JSON = /\b(?:as|in|valid|return|output|respond with|only)\s+(?:a\s+|an\s+|valid\s+|only\s+)*json\b/;
const JSON_BLOCK = /```(?:json)?\s*([[{][\s\S]*?)```/;

/** Runs what can be checked: code fences close, JSON parses when it was asked for, equations between numbers hold. */
export function runChecks(query: TextScan, answer: TextScan, source: string): Checks {
  let [passed, failed] = [0, 0];
  const count = (good: boolean): void => {
    if (good) passed++;
    else failed++;
  };
  if (answer.fences > 0) count(answer.fences % 2 === 0);
  if (wantsJson(query) && source.length <= LONGEST_JSON) count(holdsJson(source));
  if (answer.hasEquals && answer.digits > 2) {
    let seen = 0;
    for (const [, left, sign, right, result] of answer.text.matchAll(EQUATION)) {
      if (++seen > MOST_EQUATIONS) break;
      count(equationHolds(Number(left), sign, Number(right), (result ?? '').replaceAll(',', '')));
    }
  }
  return { passed, failed };
}

function wantsJson({ text }: TextScan): boolean {
  return text.includes('json') && WANTS_JSON.test(text);
}

function holdsJson(source: string): boolean {
  const text = source.trim();
  const block = text.startsWith('{') || text.startsWith('[') ? text : JSON_BLOCK.exec(text)?.[1];
  if (block === undefined) return false;
  try {
    JSON.parse(block);
    return true;
  } catch {
    return false;
  }
}

/** The stated result may be rounded: half a unit of its last digit is allowed. */
function equationHolds(left: number, sign: string | undefined, right: number, stated: string): boolean {
  const decimals = stated.split('.')[1]?.length ?? 0;
  const exact = apply(left, sign, right);
  return Math.abs(exact - Number(stated)) <= 0.5 * 10 ** -decimals + 1e-9 * Math.abs(exact);
}

function apply(left: number, sign: string | undefined, right: number): number {
  if (sign === '+') return left + right;
  if (sign === '-') return left - right;
  return sign === '*' || sign === '×' ? left * right : left / right;
}
