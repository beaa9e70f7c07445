import type { Socket } from 'node:net';
import { z } from 'zod';

/**
 * What a loader and its keeper say to one another, as lines of JSON over a Unix socket. The keeper is the parent of every
 * workload and sidecar, so that they outlive a loader that dies; one that is started in its place finds them there.
 */

/** Both ends must speak the same; a keeper of another version is ended, with what it keeps. */
export const PROTOCOL_VERSION = 1;

/** What a process is part of: told by the loader, and told back to the next one. */
const tagSchema = z.object({
  moduleId: z.string(),
  replicaId: z.string(),
  /** Version of the specification that the replica was started with. */
  version: z.string(),
  part: z.enum(['workload', 'sidecar']),
  createdAtMs: z.number(),
});

const exitSchema = z.object({ code: z.number().nullable(), signal: z.string().nullable() });
const portsSchema = z.record(z.string(), z.number());

export const commandSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('start'),
    id: z.string(),
    tag: tagSchema,
    name: z.string(),
    command: z.string(),
    args: z.array(z.string()),
    env: z.record(z.string(), z.string()),
    cwd: z.string(),
    ipc: z.boolean(),
    secrets: z.array(z.string()),
    logPath: z.string(),
  }),
  z.object({ type: z.literal('stop'), id: z.string(), graceMs: z.number() }),
  /** Ends everything, and the keeper. */
  z.object({ type: z.literal('end') }),
]);
export type Command = z.output<typeof commandSchema>;
export type StartCommand = Extract<Command, { type: 'start' }>;

const keptSchema = z.object({
  id: z.string(),
  tag: tagSchema,
  name: z.string(),
  pid: z.number(),
  ports: portsSchema.optional(),
  tail: z.array(z.string()),
});
export type Kept = z.output<typeof keptSchema>;

export const noticeSchema = z.discriminatedUnion('type', [
  /** The first notice on each connection. */
  z.object({ type: z.literal('hello'), version: z.number(), kept: z.array(keptSchema) }),
  z.object({ type: z.literal('started'), id: z.string(), pid: z.number() }),
  /** It could not be started. */
  z.object({ type: z.literal('refused'), id: z.string(), reason: z.string(), message: z.string() }),
  z.object({ type: z.literal('ready'), id: z.string(), ports: portsSchema }),
  z.object({ type: z.literal('exited'), id: z.string(), exit: exitSchema, tail: z.array(z.string()) }),
]);
export type Notice = z.output<typeof noticeSchema>;

/** Sends one message. */
export function send(socket: Socket, message: Command | Notice): void {
  if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
}

/** Calls back with each message; the socket is ended at the first that cannot be read. */
export function receive<Message>(
  socket: Socket,
  schema: z.ZodType<Message>,
  onMessage: (message: Message) => void,
): void {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: Buffer | string) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    try {
      for (const line of lines) onMessage(schema.parse(JSON.parse(line)));
    } catch (error) {
      socket.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  });
}
