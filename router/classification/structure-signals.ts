import { DOMAIN_CLASSES } from '../../core/config/class-schema.ts';
import type { ClassifierInput, Signal } from './classifier.ts';

/** Evidence of an attachment that has to be looked at or listened to, in log-odds. */
const MEDIA_WEIGHT = 8;
/** Evidence of the caller's domain: decides where the text leaves the matter open. */
const DOMAIN_WEIGHT = 2.5;

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
