import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { bytesOf } from './data-uri.ts';

const withUri = (uri: string) => ({ mediaType: 'image/png', name: '', source: { kind: 'uri', uri } as const });

describe('bytes of an attachment', () => {
  it('gives back whatever bytes a base64 data: URI holds', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const uri = `data:image/png;base64,${Buffer.from(bytes).toString('base64')}`;
        expect([...bytesOf(withUri(uri), 0)]).toEqual([...bytes]);
      }),
    );
  });

  it('reads percent-encoded text', () => {
    expect(Buffer.from(bytesOf(withUri('data:text/plain,caf%C3%A9'), 0)).toString()).toBe('café');
  });

  it.each([
    'http://169.254.169.254/latest',
    'https://host/a.png',
    'file:///etc/passwd',
    'data:image/png;base64,%%%',
    'data:,%FF',
  ])('refuses %s', (uri) => {
    expect(() => bytesOf(withUri(uri), 3)).toThrow(
      expect.objectContaining({ reason: 'ATTACHMENT_UNREADABLE', metadata: { field: 'attachments[3]' } }),
    );
  });
});
