import { z } from 'zod';
import { identifier, seconds } from './scalars.ts';

/** Where the mesh's root is kept, and what signs in its place. */
export const authoritySchema = z
  .strictObject({
    root: z
      .enum(['file', 'kubernetes'])
      .default('file')
      .describe('Where the root and its key are kept: below storage.data_dir, or in a Kubernetes Secret.'),
    kubernetes: z
      .strictObject({
        namespace: identifier
          .optional()
          .describe("Namespace of the Secret; the service account's, or the kubeconfig's, when left out."),
        secret: z
          .string()
          .regex(
            /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/,
            'must be a name as Kubernetes takes them, e.g. frontier-root',
          )
          .default('frontier-root')
          .describe('Name of the Secret. Control planes that share it share the root.'),
        kubeconfig: z
          .string()
          .min(1)
          .optional()
          .describe(
            "Kubeconfig with the way to the cluster, relative to this file; $KUBECONFIG, ~/.kube/config or the pod's service account when left out.",
          ),
      })
      .prefault({}),
    intermediate: z
      .strictObject({
        lifetime: seconds
          .default(2_592_000)
          .describe('Life of an intermediate that is made here, in seconds; renewed at half of it.'),
        cert_file: z
          .string()
          .min(1)
          .optional()
          .describe(
            "Certificate of an intermediate that was made elsewhere, relative to this file, and after it whatever leads to the root; the root's key is then not needed.",
          ),
        key_file: z.string().min(1).optional().describe('Its key, P-256.'),
      })
      .optional()
      .describe('Signs certificates by an intermediate instead of by the root itself; by the root when left out.'),
  })
  .prefault({});
