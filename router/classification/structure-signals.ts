import type { QueryClass } from '../../core/config/schema.ts';
import type { ClassifierInput, Signal } from './classifier.ts';

/** Evidence of an attachment that has to be looked at or listened to, in log-odds. */
const MEDIA_WEIGHT = 8;
/** Evidence of the caller's domain: decides where the text leaves the matter open. */
const DOMAIN_WEIGHT = 2.5;

/** Evidence of the caller's `context.domain`. */
const DOMAIN_CLASSES: Readonly<Record<string, QueryClass>> = {
  code: 'CODE_GENERATION',
  coding: 'CODE_GENERATION',
  programming: 'CODE_GENERATION',
  software: 'CODE_GENERATION',
  web: 'CODE_GENERATION',
  business: 'BUSINESS_ANALYSIS',
  finance: 'BUSINESS_ANALYSIS',
  financial: 'BUSINESS_ANALYSIS',
  operations: 'BUSINESS_ANALYSIS',
  marketing: 'CREATIVE_CONTENT',
  creative: 'CREATIVE_CONTENT',
  content: 'CREATIVE_CONTENT',
  image: 'MULTIMODAL',
  vision: 'MULTIMODAL',
  audio: 'MULTIMODAL',
  video: 'MULTIMODAL',
  multimodal: 'MULTIMODAL',
  general: 'GENERAL',
};

/** Gives what stands beside a query's text and speaks for a class: its attachments and the caller's domain. */
export function structureSignals({ attachments, context }: ClassifierInput): readonly Signal[] {
  const attachment = attachments[0];
  const domain = context?.['domain'];
  if (attachment === undefined && typeof domain !== 'string') return NONE;
  const found: Signal[] = [];
  if (attachment !== undefined)
    found.push({ name: `attachment: ${attachment.mediaType}`, queryClass: 'MULTIMODAL', weight: MEDIA_WEIGHT });
  const name = typeof domain === 'string' ? domain.toLowerCase() : '';
  const queryClass = Object.hasOwn(DOMAIN_CLASSES, name) ? DOMAIN_CLASSES[name] : undefined;
  if (queryClass !== undefined) found.push({ name: `context.domain: ${name}`, queryClass, weight: DOMAIN_WEIGHT });
  return found;
}

const NONE: readonly Signal[] = [];
