/** What a workload can run out of, as told in the metadata `resource` of MODULE_OUT_OF_RESOURCES. */
export const LOST_RESOURCES = ['gpu_memory', 'memory', 'disk', 'files', 'cache', 'slots'] as const;
export type LostResource = (typeof LOST_RESOURCES)[number];

/** Tells whether a text names one of them. */
export function isLostResource(text: string | undefined): text is LostResource {
  return (LOST_RESOURCES as readonly (string | undefined)[]).includes(text);
}
