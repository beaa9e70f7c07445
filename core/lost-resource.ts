/** What a workload can run out of, as told in the metadata `resource` of MODULE_OUT_OF_RESOURCES. */
export type LostResource = 'gpu_memory' | 'memory' | 'disk' | 'files' | 'cache' | 'slots';
