import type { Behaviour } from './fake-sidecar.ts';
import type { TestModule } from './router-harness.ts';

/** A module that answers with its own name. */
export function answering(name: string, score = 0.9): Behaviour {
  return { answer: (query) => ({ content: `${name} answers: ${query}`, score }) };
}

/** The five modules as they ship, each answering with its own name. */
export function fiveModules(): TestModule[] {
  return [
    { spec: { module_id: 'foundation', query_classes: ['GENERAL'] }, behaviour: answering('foundation') },
    {
      spec: { module_id: 'web-development', query_classes: ['CODE_GENERATION'], fallbacks: ['foundation'] },
      behaviour: answering('web-development'),
    },
    {
      spec: { module_id: 'business-operations', query_classes: ['BUSINESS_ANALYSIS'], fallbacks: ['foundation'] },
      behaviour: answering('business-operations'),
    },
    {
      spec: { module_id: 'marketing-creative', query_classes: ['CREATIVE_CONTENT'], fallbacks: ['foundation'] },
      behaviour: answering('marketing-creative'),
    },
    {
      spec: {
        module_id: 'multimodal-processor',
        query_classes: ['MULTIMODAL'],
        capabilities: { media_types: ['image/*'], requires_attachment: true },
      },
      behaviour: answering('multimodal-processor'),
    },
  ];
}
