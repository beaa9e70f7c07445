import { describe, expect, test } from '@jest/globals';
import { FinishReason } from '../gen/frontier/common/v1/message.ts';
import type { AnswerPayload, JudgePriors } from '../gen/frontier/common/v1/message.ts';
import { checkPriors, defaultPriors, judge } from './judge.ts';

const PRIORS: JudgePriors = { queryClass: 'GENERAL', history: 0.8, historyCount: 5, threshold: 0.5, calibration: [] };

function answerOf(content: string, parts: Partial<AnswerPayload> = {}): AnswerPayload {
  return {
    content,
    finishReason: FinishReason.STOP,
    usage: undefined,
    confidence: undefined,
    processingTime: undefined,
    attachments: [],
    ...parts,
  };
}

const query = 'What is the capital of France?';
const good = answerOf('The capital of France is Paris.', { selfAssessment: 0.9 });

describe('judge', () => {
  test('accepts at the threshold and rejects under it', () => {
    const { score } = judge({ query, answer: good, seconds: 1, priors: PRIORS });
    const at = (threshold: number): boolean =>
      judge({ query, answer: good, seconds: 1, priors: { ...PRIORS, threshold } }).accepted;
    expect([at(score), at(score + 0.001)]).toEqual([true, false]);
  });

  test('without outcomes behind it, history does not count', () => {
    const judged = (history: number, historyCount: number): number =>
      judge({ query, answer: good, seconds: 1, priors: { ...PRIORS, history, historyCount } }).score;
    expect(judged(0, 0)).toBe(judged(1, 0));
    expect(judged(0, 1)).toBeLessThan(judged(1, 1));
  });

  test('maps the raw score by the calibration that came with the query', () => {
    const calibration = [
      { raw: 0, calibrated: 0 },
      { raw: 1, calibrated: 0.5 },
    ];
    const report = judge({ query, answer: good, seconds: 1, priors: { ...PRIORS, calibration } });
    expect(report.score).toBeCloseTo(report.rawScore / 2, 12);
  });

  test.each([
    ['a refusal', answerOf("I'm sorry, but I can't help with that.")],
    ['a truncated answer', answerOf('The capital of France is', { finishReason: FinishReason.LENGTH })],
    ['degenerate text', answerOf('France is the capital of '.repeat(30))],
  ])('%s from a module that does not assess itself is worth less than a plain answer', (_name, bad) => {
    const plain = judge({ query, answer: answerOf(good.content), seconds: 1, priors: PRIORS });
    const judged = judge({ query, answer: bad, seconds: 1, priors: PRIORS });
    expect(judged.selfAssessment).toBeLessThan(plain.selfAssessment);
    expect(judged.score).toBeLessThan(plain.score - 0.1);
  });

  test.each([
    ['{"capital": "Paris"}', true],
    ['Here it is: {"capital": "Paris"}', false],
    ['', false],
  ])('where JSON alone was demanded, %j is accepted: %s', (content, accepted) => {
    const priors = { ...PRIORS, threshold: 0 };
    const judgement = { query, answer: answerOf(content), seconds: 1, priors };
    expect(judge({ ...judgement, mustBeJson: true }).accepted).toBe(accepted);
    expect(judge(judgement).accepted).toBe(true);
  });

  test('a self-assessment beyond 1 is taken as 1', () => {
    const report = judge({ query, answer: { ...good, selfAssessment: 7 }, seconds: 1, priors: PRIORS });
    expect(report.selfAssessment).toBe(1);
  });
});

describe('priors', () => {
  test('a query without priors is judged by the module’s own threshold', () => {
    const report = judge({ query, answer: good, seconds: 1, priors: defaultPriors(0.99) });
    expect(report).toMatchObject({ threshold: 0.99, accepted: false });
  });

  test.each<[string, Partial<JudgePriors>]>([
    ['threshold', { threshold: 1.5 }],
    ['threshold', { threshold: NaN }],
    ['history', { history: -1 }],
    [
      'calibration',
      {
        calibration: [
          { raw: 0.5, calibrated: 0.9 },
          { raw: 0.9, calibrated: 0.1 },
        ],
      },
    ],
  ])('a senseless %s is named', (name, part) => {
    expect(() => {
      checkPriors({ ...PRIORS, ...part });
    }).toThrow(
      expect.objectContaining({ reason: 'INVALID_FIELD', metadata: { field: `message.query.priors.${name}` } }),
    );
  });
});
