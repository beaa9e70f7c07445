import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { unaryCall } from '../../core/grpc/channel.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { pythonWith } from './python.ts';
import { ROOT, ask, askStream, queryMessage, startWorkload } from './workload.ts';
import type { Workload, WorkloadOptions } from './workload.ts';

/** The templates run as they stand, and keep the contract. */

const PYTHON = join(ROOT, 'modules', 'template', 'python');

function itKeepsTheContract(title: string, optionsOf: () => WorkloadOptions): void {
  describe(title, () => {
    let workload: Workload;
    beforeAll(async () => {
      workload = await startWorkload(optionsOf());
    }, 90_000);

    it('answers, correlated and with its own assessment', async () => {
      const answer = await ask(workload, { query: 'are you there?' });
      expect(answer).toMatchObject({ content: 'You asked: are you there?', selfAssessment: 0.8 });
    });

    it('streams pieces that make up the answer', async () => {
      const { pieces, answer, header } = await askStream(workload, { query: 'are you there?' });
      expect(pieces).toEqual(['You', ' asked:', ' are', ' you', ' there?']);
      expect(answer.content).toBe(pieces.join(''));
      expect(header).toMatchObject({ correlationId: 'm1', destination: 'test', tenant: 'acme' });
    });

    it('refuses an empty query', async () => {
      await expect(ask(workload, { query: '' })).rejects.toMatchObject({ code: 3 });
    });

    it('answers a batch in order, faults in their places', async () => {
      const { client } = workload;
      const messages = ['one', '', 'three'].map((query, index) => queryMessage({ query }, `b${index}`));
      const reply = await unaryCall(client.invokeBatch.bind(client), { messages });
      expect(reply.messages.map(({ payload }) => payload?.$case)).toEqual(['answer', 'error', 'answer']);
      expect(reply.messages.map(({ header }) => header?.correlationId)).toEqual(['b0', 'b1', 'b2']);
    });

    it('ends well when it is told to', async () => {
      workload.part.child.kill('SIGTERM');
      expect(await workload.part.exited).toEqual({ code: 0, signal: null });
    });
  });
}

itKeepsTheContract('the TypeScript template', () => ({ args: ['modules/template/typescript/main.ts'] }));

const python = await pythonWith(join(PYTHON, 'requirements.txt'));

/** Makes the stubs as the template's README says. */
function makeStubs(path: string): string {
  const stubs = tempFolder('stubs');
  const protos = ['common', 'module'].flatMap((area) => {
    const folder = join('frontier', area, 'v1');
    return readdirSync(join(ROOT, 'proto', folder)).map((file) => join(folder, file));
  });
  const args = [
    '-m',
    'grpc_tools.protoc',
    '-I',
    'proto',
    `--python_out=${stubs}`,
    `--grpc_python_out=${stubs}`,
    ...protos,
  ];
  execFileSync(path, args, { cwd: ROOT });
  return stubs;
}

if ('path' in python) {
  itKeepsTheContract('the Python template', () => ({
    command: python.path,
    args: [join(PYTHON, 'server.py')],
    env: { FRONTIER_STUBS: makeStubs(python.path), PYTHONDONTWRITEBYTECODE: '1' },
  }));
} else if (process.env['CI'] === 'true') {
  it('has Python with grpcio for the Python template', () => {
    throw new Error(python.missing);
  });
} else {
  describe.skip(`the Python template (no Python with grpcio: ${python.missing})`, () => {
    it('keeps the contract', () => undefined);
  });
}
