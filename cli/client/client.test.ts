import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createManualClock } from '../../core/clock.ts';
import { followLogs, lastLines } from './module-logs.ts';
import { mediaTypeOf, pairs, routeRequest } from './route-request.ts';
import { findTarget } from './target.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'frontier-client-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

describe('a request', () => {
  it('takes its parts from the flags', () => {
    const file = join(dir, 'x.png');
    writeFileSync(file, 'png');
    const request = routeRequest('hi', {
      attach: [file],
      param: ['max_tokens=5', 'tone=dry'],
      module: 'm',
      maxCost: '0.5',
    });
    expect(request).toMatchObject({
      query: 'hi',
      moduleId: 'm',
      maxCost: 0.5,
      parameters: { max_tokens: 5, tone: 'dry' },
    });
    expect(request.attachments).toEqual([
      { name: 'x.png', mediaType: 'image/png', source: { $case: 'data', value: Buffer.from('png') } },
    ]);
  });

  it.each([
    [{ attach: ['/no/such/file'] }, 'ATTACHMENT_UNREADABLE'],
    [{ maxCost: 'much' }, 'INVALID_FIELD'],
    [{ maxCost: '-1' }, 'INVALID_FIELD'],
    [{ context: ['novalue'] }, 'INVALID_FIELD'],
  ])('%j is refused with %s', (flags, reason) => {
    expect(() => routeRequest('hi', flags)).toThrow(expect.objectContaining({ reason }));
  });

  it('keeps what is not JSON as text', () => {
    expect(pairs(['a={"b":1}', 'c=1=2', 'd='], 'context')).toEqual({ a: { b: 1 }, c: '1=2', d: '' });
    expect(mediaTypeOf('A.JPG')).toBe('image/jpeg');
    expect(mediaTypeOf('noname')).toBe('application/octet-stream');
  });
});

describe('the address of the system', () => {
  it.each([
    ['http://h:9000/', 'http://h:9000', 'h:9000', false],
    ['https://h', 'https://h', 'h:443', true],
  ])('%s', (url, http, grpcAddress, isTls) => {
    expect(findTarget({ url }, {})).toEqual({ url: http, grpcAddress, isTls, apiKey: undefined });
  });

  it('is the default port when no system runs here', () => {
    expect(findTarget({}, { FRONTIER_STORAGE__DATA_DIR: dir, FRONTIER_API_KEY: 'k' })).toMatchObject({
      grpcAddress: 'localhost:8000',
      apiKey: 'k',
    });
  });

  it('that is none is refused', () => {
    expect(() => findTarget({ url: 'nonsense' }, {})).toThrow(/not an address/);
  });
});

describe('logs of a module', () => {
  it('are shown from the end, and followed through new files', async () => {
    writeFileSync(join(dir, 'a.log'), '1\n2\n3\n');
    const { lines, offsets } = lastLines(dir, 2);
    expect(lines).toEqual(['2', '3']);
    const clock = createManualClock();
    const stop = new AbortController();
    const printed: string[] = [];
    const following = followLogs({
      folder: dir,
      offsets,
      print: (line) => printed.push(line),
      clock,
      signal: stop.signal,
    });
    appendFileSync(join(dir, 'a.log'), '4\nhalf');
    writeFileSync(join(dir, 'b.log'), 'other\n');
    await clock.advance(400);
    appendFileSync(join(dir, 'a.log'), ' whole\n');
    await clock.advance(400);
    stop.abort();
    await following;
    expect([...printed].sort()).toEqual(['4', 'half whole', 'other']);
  });

  it('of a module that never ran are none', () => {
    expect(lastLines(join(dir, 'none'), 5).lines).toEqual([]);
  });
});
