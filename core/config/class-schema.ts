import { z } from 'zod';

/** The class of a query: one of those that ship, or one that configuration adds. */
export type QueryClass = string;

/** The query classes that ship; `router.classification.classes` adds others. */
export const QUERY_CLASSES: readonly QueryClass[] = [
  'CODE_GENERATION',
  'BUSINESS_ANALYSIS',
  'CREATIVE_CONTENT',
  'MULTIMODAL',
  'GENERAL',
];

/** Words of `context.domain` that speak for the classes that ship. */
export const DOMAIN_CLASSES: Readonly<Record<string, QueryClass>> = {
  code: 'CODE_GENERATION',
  coding: 'CODE_GENERATION',
  programming: 'CODE_GENERATION',
  software: 'CODE_GENERATION',
  web: 'CODE_GENERATION',
  business: 'BUSINESS_ANALYSIS',
  finance: 'BUSINESS_ANALYSIS',
  financial: 'BUSINESS_ANALYSIS',
  operations: 'BUSINESS_ANALYSIS',
  marketing: 'CREATIVE_CONTENT',
  creative: 'CREATIVE_CONTENT',
  content: 'CREATIVE_CONTENT',
  image: 'MULTIMODAL',
  vision: 'MULTIMODAL',
  audio: 'MULTIMODAL',
  video: 'MULTIMODAL',
  multimodal: 'MULTIMODAL',
  general: 'GENERAL',
};

/** Name of a class. */
export const className = z
  .string()
  .regex(
    /^[A-Z][A-Z0-9_]{0,62}$/,
    'must be a name such as TRAVEL_BOOKING: capitals, digits and underscores, at most 63',
  );

/** Classes beside those that ship. */
export const addedClasses = z
  .array(
    z.strictObject({
      id: className.describe('Name of the class, as module specifications and training data have it.'),
      description: z.string().min(1).optional().describe('What belongs to the class, for people.'),
      domains: z
        .array(z.string().regex(/^\S(.*\S)?$/, 'must not be empty or begin or end with a space'))
        .default([])
        .describe('Words of context.domain that speak for the class; case does not count.'),
    }),
  )
  .default([])
  .describe(
    'Classes beside those that ship, which module specifications may then name. A class is found in the text of queries by a model that was trained on it, else by its domains alone.',
  );

export type AddedClass = z.output<typeof addedClasses>[number];
