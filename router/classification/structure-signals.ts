import type { JsonObject } from '../domain/query.ts';
import type { ClassifierInput, Signal } from './classifier.ts';
import { DOMAIN_CLASSES } from './lexical-weights.ts';

interface StructureRule extends Signal {
  readonly pattern: RegExp;
}

/** Longest part of a text that is looked at, in characters; what a query asks for stands near its start. */
export const MAX_INSPECTED_CHARS = 4000;

/** Shapes in the text, beside its words. The patterns are linear in the text's length. */
const TEXT_RULES: readonly StructureRule[] = [
  { name: 'code fence', queryClass: 'CODE_GENERATION', weight: 4, pattern: /```/ },
  {
    name: 'code syntax',
    queryClass: 'CODE_GENERATION',
    weight: 3.5,
    pattern:
      /#include\b|\bdef \w+\(|\bfunction \w*\(|=> ?[{(]|\);|\bimport \w+(?:$|\n| from)|\bSELECT .{1,80} FROM\b|>>> /m,
  },
  {
    name: 'source file name',
    queryClass: 'CODE_GENERATION',
    weight: 2.5,
    pattern: /[\w*]\.(?:py|ts|tsx|jsx?|java|rs|cpp|hpp|rb|php|sh|sql|html|css|ya?ml)\b/i,
  },
  {
    name: 'media file name',
    queryClass: 'MULTIMODAL',
    weight: 7,
    pattern: /\w\.(?:png|jpe?g|gif|webp|bmp|tiff?|mp3|wav|flac|ogg|mp4|mov|avi|webm)\b/i,
  },
  {
    name: 'fiscal period',
    queryClass: 'BUSINESS_ANALYSIS',
    weight: 2.5,
    pattern: /\b(?:Q[1-4]|FY ?\d{2,4}|10-[KQ]|H[12] 20\d\d)\b/,
  },
  {
    name: 'amount of money',
    queryClass: 'BUSINESS_ANALYSIS',
    weight: 1,
    pattern: /[$€£] ?\d[\d,.]*(?: ?[KMB]\b| ?(?:thousand|million|billion))?/,
  },
  {
    name: 'question form',
    queryClass: 'GENERAL',
    weight: 1.2,
    pattern: /^\s*(?:what|who|whom|when|where|why|how|which|is|are|was|do|does|did|can|could|should|will|would)\b/i,
  },
  { name: 'multiple choice', queryClass: 'GENERAL', weight: 2, pattern: /\n\s*A[.)] [^\n]+\n\s*B[.)] / },
];

const ATTACHMENT_WEIGHT = 8;
const DOMAIN_WEIGHT = 2.5;

/** Adds what the shape of a query's text, its attachments and its context say about its class. */
export function addStructureSignals(text: string, input: ClassifierInput, found: Signal[]): void {
  for (const rule of TEXT_RULES) if (rule.pattern.test(text)) found.push(rule);
  const attachment = input.attachments[0];
  if (attachment !== undefined) {
    const name = `attachment: ${attachment.mediaType}`;
    found.push({ name, queryClass: 'MULTIMODAL', weight: ATTACHMENT_WEIGHT });
  }
  if (input.context !== undefined) addContextSignal(input.context, found);
}

function addContextSignal(context: JsonObject, found: Signal[]): void {
  const domain = context['domain'];
  if (typeof domain !== 'string') return;
  const name = domain.toLowerCase();
  const queryClass = Object.hasOwn(DOMAIN_CLASSES, name) ? DOMAIN_CLASSES[name] : undefined;
  if (queryClass !== undefined) found.push({ name: `context.domain: ${name}`, queryClass, weight: DOMAIN_WEIGHT });
}
