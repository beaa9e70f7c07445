import { createRequire } from 'node:module';
import path from 'node:path';
import { FrontierError, messageOf } from '../../core/errors.ts';

/** What is used of onnxruntime-node; its own types are in the package of the modules. */
export interface OnnxRuntime {
  readonly InferenceSession: {
    create(model: Uint8Array, options: Readonly<Record<string, unknown>>): Promise<OnnxSession>;
  };
  readonly Tensor: new (type: 'float32', values: Float32Array, shape: readonly number[]) => OnnxTensor;
}

export interface OnnxTensor {
  readonly data: unknown;
}

export interface OnnxSession {
  run(inputs: Readonly<Record<string, OnnxTensor>>): Promise<Readonly<Record<string, OnnxTensor>>>;
}

/** Where the package may be: among the router's own, or among the runtimes of the modules, which `npm start` installs. */
const PLACES = [import.meta.filename, path.join(import.meta.dirname, '..', '..', 'modules', 'package.json')];

/** Loads onnxruntime-node. Throws DEPENDENCY_MISSING, saying how to get it, when it is not installed or does not load here. */
export function loadOnnxRuntime(): OnnxRuntime {
  let reason: unknown;
  for (const place of PLACES) {
    try {
      return createRequire(place)('onnxruntime-node') as OnnxRuntime;
    } catch (thrown) {
      reason = thrown;
    }
  }
  throw new FrontierError(
    'DEPENDENCY_MISSING',
    `onnxruntime-node cannot be loaded (${messageOf(reason).split('\n')[0] ?? ''}): run \`node modules/install.mjs\``,
    { cause: reason },
  );
}
