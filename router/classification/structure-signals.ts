import { DOMAIN_CLASSES, type QueryClass } from '../../core/config/class-schema.ts';
import { attachmentKind, type AttachmentKind } from './attachment-kinds.ts';
import type { ClassifierInput, Signal } from './classifier.ts';

/** Evidence of an attachment that has to be looked at or listened to, in log-odds. */
const MEDIA_WEIGHT = 8;
/** Evidence of a file that programs or spreadsheets read: decides unless the text is clear. */
const FILE_WEIGHT = 5;
/** Evidence of the caller's domain: decides where the text leaves the matter open. */
const DOMAIN_WEIGHT = 2.5;

/** Evidence against MULTIMODAL where all that is attached can be read: "what is wrong here?" does not ask about a picture then. */
const READABLE_WEIGHT = -4;

/** What kinds of attachments speak for. Other text says nothing of what is to be done with it. */
const KINDS: Readonly<Partial<Record<AttachmentKind, Omit<Signal, 'name'>>>> = {
  media: { queryClass: 'MULTIMODAL', weight: MEDIA_WEIGHT },
  code: { queryClass: 'CODE_GENERATION', weight: FILE_WEIGHT },
  table: { queryClass: 'BUSINESS_ANALYSIS', weight: FILE_WEIGHT },
};

/** Gives what stands beside a query's text and speaks for a class: its attachments and the caller's domain. */
export function structureSignals({ attachments, context }: ClassifierInput): readonly Signal[] {
  const domain = context?.['domain'];
  if (attachments.length === 0 && typeof domain !== 'string') return NONE;
  const found = attachmentSignals(attachments);
  const word = typeof domain === 'string' ? domain.toLowerCase() : '';
  const queryClass: QueryClass | undefined = Object.hasOwn(DOMAIN_CLASSES, word) ? DOMAIN_CLASSES[word] : undefined;
  if (queryClass !== undefined) found.push({ name: `context.domain: ${word}`, queryClass, weight: DOMAIN_WEIGHT });
  return found;
}

function attachmentSignals(attachments: ClassifierInput['attachments']): Signal[] {
  const found: Signal[] = [];
  let readable = attachments.length > 0;
  for (const { mediaType, name } of attachments) {
    const kind = attachmentKind(mediaType, name);
    if (kind === 'media' || kind === 'other') readable = false;
    const says = KINDS[kind];
    // Ten pictures say what one says.
    if (says === undefined || found.some(({ queryClass }) => queryClass === says.queryClass)) continue;
    found.push({ name: `attachment: ${mediaType === '' ? name : mediaType}`, ...says });
  }
  if (readable) found.push({ name: 'attachment: nothing to see', queryClass: 'MULTIMODAL', weight: READABLE_WEIGHT });
  return found;
}

const NONE: readonly Signal[] = [];
