import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';

const MAIN = path.join(import.meta.dirname, '..', 'main.ts');
const folder = mkdtempSync(path.join(tmpdir(), 'frontier-classify-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function frontier(args: readonly string[], input = ''): { status: number | null; stdout: string; stderr: string } {
  const env = { ...process.env, NODE_OPTIONS: '' };
  return spawnSync(process.execPath, [MAIN, ...args], { input, encoding: 'utf8', env });
}
const rowsOf = (text: string): unknown[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);

describe('frontier classify', () => {
  it('adds the class to each row, keeps the rest, and goes on after a bad row, naming its line', () => {
    const { status, stdout, stderr } = frontier(
      ['classify'],
      '{"text": "Write a haiku", "id": 7}\nno JSON\n{"text": 3}\n\n{"text": "Read this", "attachments": ["image/png"]}\n',
    );
    expect(rowsOf(stdout)).toEqual([
      expect.objectContaining({ text: 'Write a haiku', id: 7, class: 'CREATIVE_CONTENT', stage: 'lexical' }),
      { error: { line: 2, message: expect.stringContaining('JSON') } },
      { error: { line: 3, message: expect.stringContaining('text') } },
      expect.objectContaining({ class: 'MULTIMODAL', margin: expect.any(Number), elapsed_us: expect.any(Number) }),
    ]);
    expect(stderr).toContain('line 2');
    expect(status).toBe(1);
  });

  it('says which file it cannot open', () => {
    const { status, stderr } = frontier(['classify', '--input', '/nowhere/rows.jsonl']);
    expect(stderr).toContain('/nowhere/rows.jsonl');
    expect(stderr).toContain('INVALID_FIELD');
    expect(status).toBe(2);
  });
});

it('frontier train classifier --extend needs examples to add', () => {
  const { status, stderr } = frontier(['train', 'classifier', '--extend', '--output', path.join(folder, 'none.bin')]);
  expect(stderr).toContain('--extend takes the examples to add in --data');
  expect(status).toBe(2);
});

describe('frontier train classifier, then evaluate and classify with what it made', () => {
  it('works with classes of one’s own', () => {
    const [data, model, out] = ['data.jsonl', 'model.bin', 'out.jsonl'].map((name) => path.join(folder, name));
    const rows = ['a lease', 'a contract', 'a lawsuit', 'a fever', 'a cough', 'a rash'].flatMap((thing, at) =>
      ['about', 'explain', 'help with'].map((verb) => ({
        text: `${verb} ${thing}`,
        label: at < 3 ? 'LEGAL' : 'HEALTH',
        source: verb,
      })),
    );
    writeFileSync(data!, rows.map((row) => JSON.stringify(row)).join('\n'));
    expect(frontier(['train', 'classifier', '--data', data!, '--output', model!]).status).toBe(0);
    const judged = frontier(['evaluate', 'classifier', '--data', data!, '--model', model!, '--json']);
    expect(JSON.parse(judged.stdout)).toMatchObject({ rows: rows.length, accuracy: 1, macro_f1: 1 });
    frontier(['classify', '--output', out!, '--model', model!], '{"text": "my contract"}\n');
    expect(rowsOf(readFileSync(out!, 'utf8'))).toEqual([expect.objectContaining({ class: 'LEGAL' })]);
  });
});
