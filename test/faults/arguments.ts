import { parseArgs } from 'node:util';
import { FORMS, STRATEGIES, type Form, type Strategy } from './ask.ts';
import { FAULTS, type FaultCase } from './faults.ts';

export const HELP = `npm run faults -- [options]

Breaks modules and parts of whole systems in every way of the fault matrix, and prints what their users see. It ends with 1 when a
request hung, got a wrong answer, or too few were answered, and with 2 when an option makes no sense.

  --fault NAME      only this fault; may be given several times (--list names them)
  --form NAME       only this form; may be given several times: ${FORMS.join(', ')}
  --strategy NAME   only this strategy; may be given several times: ${STRATEGIES.join(', ')}; all when left out
  --requests N      requests of each cell; 10 when left out
  --mesh NAME       envoy (when left out) or proxyless
  --json            end with one line of JSON
  --list            name the faults, and end
  --help            this text, and end
`;

const MESHES = ['envoy', 'proxyless'] as const;

/** What is to be run, or only to be told. */
export type Wanted =
  | { readonly kind: 'help' }
  | { readonly kind: 'list' }
  | {
      readonly kind: 'run';
      readonly faults: readonly FaultCase[];
      readonly forms: readonly Form[];
      readonly strategies: readonly Strategy[];
      readonly requests: number;
      readonly mesh: (typeof MESHES)[number];
      readonly json: boolean;
    };

/** Reads the command line. Throws with the option at fault and what it may be. */
export function parseArguments(args: readonly string[]): Wanted {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      requests: { type: 'string', default: '10' },
      fault: { type: 'string', multiple: true },
      form: { type: 'string', multiple: true },
      strategy: { type: 'string', multiple: true },
      mesh: { type: 'string', default: 'envoy' },
    },
  });
  if (values.help) return { kind: 'help' };
  if (values.list) return { kind: 'list' };
  const names = FAULTS.map(({ name }) => name);
  const faults = chosen('fault', values.fault, names);
  return {
    kind: 'run',
    faults: FAULTS.filter(({ name }) => faults.includes(name)),
    forms: chosen('form', values.form, FORMS),
    strategies: chosen('strategy', values.strategy?.includes('all') ? undefined : values.strategy, STRATEGIES),
    requests: requestsOf(values.requests),
    mesh: chosen('mesh', [values.mesh], MESHES)[0] ?? 'envoy',
    json: values.json,
  };
}

/** Gives the names that were asked for, in the order of the possible ones; all of these when none was. */
function chosen<T extends string>(
  option: string,
  asked: readonly string[] | undefined,
  possible: readonly T[],
): readonly T[] {
  if (asked === undefined) return possible;
  const unknown = asked.find((name) => !(possible as readonly string[]).includes(name));
  if (unknown !== undefined) throw new Error(`--${option} is one of ${possible.join(', ')}; not "${unknown}"`);
  return possible.filter((name) => asked.includes(name));
}

function requestsOf(text: string): number {
  const requests = Number(text);
  if (Number.isInteger(requests) && requests >= 1) return requests;
  throw new Error(`--requests is a whole number from 1 on; not "${text}"`);
}
