import { describe, expect, it } from '@jest/globals';
import { parseArguments } from './arguments.ts';
import { FORMS, STRATEGIES } from './ask.ts';
import { FAULTS } from './faults.ts';
import { occurrencesOf } from './matrix.ts';
import { remainingS, spanOf } from './remaining.ts';

describe('the command line of the fault matrix', () => {
  it('runs everything when nothing is chosen', () => {
    const wanted = parseArguments([]);
    expect(wanted).toMatchObject({ faults: FAULTS, forms: FORMS, strategies: STRATEGIES, requests: 10, json: false });
    expect(parseArguments(['--strategy', 'all'])).toEqual(wanted);
  });

  it('runs what is chosen', () => {
    const wanted = parseArguments([
      '--fault',
      'stall',
      '--fault',
      'reset',
      '--form',
      'grpc',
      '--requests',
      '2',
      '--json',
    ]);
    expect(wanted).toMatchObject({ forms: ['grpc'], requests: 2, json: true });
    expect(wanted).toMatchObject({ faults: [{ name: 'reset' }, { name: 'stall' }] });
  });

  it.each([
    [['--fault', 'stal'], /--fault is one of healthy, reset, .*; not "stal"/],
    [['--form', 'rest'], /--form is one of openai, .*; not "rest"/],
    [['--strategy', 'fastest'], /--strategy is one of sequential, parallel, .*; not "fastest"/],
    [['--mesh', 'istio'], /--mesh is one of envoy, proxyless; not "istio"/],
    [['--requests', 'many'], /--requests is a whole number from 1 on; not "many"/],
    [['--faults'], /--faults/],
  ])('says what is possible: %j', (args, message) => {
    expect(() => parseArguments(args)).toThrow(message);
  });

  it('only tells, when asked to', () => {
    expect([parseArguments(['--help']).kind, parseArguments(['--list']).kind]).toEqual(['help', 'list']);
  });
});

describe('occurrences of a fault', () => {
  const of = (name: string) =>
    occurrencesOf({
      faults: FAULTS.filter((fault) => fault.name === name),
      forms: FORMS,
      strategies: STRATEGIES,
      requests: 3,
    }).map(({ cells }) => cells.length);

  it('are one for what lasts, and one for each strategy where it is noticed by itself', () => {
    expect(of('stall')).toEqual([30]);
    expect(of('killed')).toEqual([6, 6, 6, 6, 6]);
    expect(of('grpc_reset')).toEqual([6, 6, 6, 6, 6]);
  });
});

describe('the time that is left', () => {
  it('is guessed from weights at first, then measured', () => {
    expect(remainingS([10, 20, 30], 0, 0)).toBe(60);
    expect(remainingS([10, 20, 30], 1, 5)).toBe(25);
    expect([spanOf(45.4), spanOf(185)]).toEqual(['45 s', '3 min']);
  });
});
