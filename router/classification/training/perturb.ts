import type { Rng } from '../../../core/rng.ts';

/** Ways in which people write the same request, by name. None of them changes what is asked for. */
export const PERTURBATIONS: Readonly<Record<string, (text: string, rng: Rng) => string>> = {
  'upper case': (text) => text.toUpperCase(),
  'lower case': (text) => text.toLowerCase(),
  punctuation: (text, rng) =>
    rng.next() < 0.5 ? text.replace(/[.,!?;:]+(?=\s|$)/g, '') : `${text}${pick(['!!', '...', '.', '!'], rng)}`,
  typos: (text, rng) => withTypos(text, rng),
  'polite wrapping': (text, rng) => `${pick(OPENINGS, rng)}${text}${pick(CLOSINGS, rng)}`,
  'question mark': (text) => (text.endsWith('?') ? text.slice(0, -1) : `${text}?`),
};

const OPENINGS = [
  'Hi! ',
  'Hello, ',
  'Please ',
  'Could you please ',
  'Hey, can you help me with this: ',
  'I would like you to do the following. ',
  'Good morning! ',
  'Quick one: ',
  'I need some help. ',
  '',
];
const CLOSINGS = [
  '',
  ' Thanks!',
  ' Thank you very much.',
  ' please',
  ' Cheers',
  ', thanks in advance',
  ' Much appreciated!',
];

/** Gives the text in one or two other spellings or wrappings. */
export function perturb(text: string, rng: Rng): string {
  const names = Object.keys(PERTURBATIONS);
  const first = PERTURBATIONS[pick(names, rng)]?.(text, rng) ?? text;
  return rng.next() < 0.5 ? first : (PERTURBATIONS[pick(names, rng)]?.(first, rng) ?? first);
}

/** One slip of the fingers in about every twelve words, at least one: neighbours swapped, a letter doubled or left out. */
function withTypos(text: string, rng: Rng): string {
  const words = text.split(' ');
  const slips = Math.max(1, Math.round(words.length / 12));
  for (let slip = 0; slip < slips; slip += 1) {
    const at = Math.floor(rng.next() * words.length);
    const word = words[at] ?? '';
    if (!/^\p{L}{4,}$/u.test(word)) continue;
    const place = 1 + Math.floor(rng.next() * (word.length - 2));
    const kind = rng.next();
    const rest = word.slice(place + 1);
    if (kind < 0.34) words[at] = `${word.slice(0, place)}${rest.slice(0, 1)}${word.charAt(place)}${rest.slice(1)}`;
    else if (kind < 0.67) words[at] = word.slice(0, place) + rest;
    else words[at] = word.slice(0, place + 1) + word.slice(place);
  }
  return words.join(' ');
}

function pick<T>(options: readonly T[], rng: Rng): T {
  return options[Math.floor(rng.next() * options.length)] as T;
}
