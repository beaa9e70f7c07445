import type { Attachment as AttachmentMessage } from '../../gen/frontier/common/v1/attachment.ts';
import type { Attachment } from '../domain/query.ts';

/** Gives an attachment as its message. */
export function attachmentToMessage({ mediaType, source, name }: Attachment): AttachmentMessage {
  if (source.kind === 'uri') return { mediaType, source: { $case: 'uri', value: source.uri }, name };
  const { buffer, byteOffset, byteLength } = source.data;
  return { mediaType, source: { $case: 'data', value: Buffer.from(buffer, byteOffset, byteLength) }, name };
}

/** Gives a message as an attachment; one without a source has no bytes. */
export function attachmentFromMessage({ mediaType, source, name }: AttachmentMessage): Attachment {
  if (source?.$case === 'uri') return { mediaType, source: { kind: 'uri', uri: source.value }, name };
  return { mediaType, source: { kind: 'data', data: source?.value ?? new Uint8Array() }, name };
}
