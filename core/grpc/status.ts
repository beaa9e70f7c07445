import { Metadata } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { Code, FrontierError, isReason, toFrontierError } from '../errors.ts';
import type { Reason } from '../errors.ts';

/**
 * The one mapping between FrontierError and gRPC status. Details travel as google.rpc.Status in the trailer
 * grpc-status-details-bin with one google.rpc.ErrorInfo (AIP-193), and google.rpc.RetryInfo when a retry may help.
 */

const DETAILS_KEY = 'grpc-status-details-bin';
const ERROR_INFO = 'type.googleapis.com/google.rpc.ErrorInfo';
const RETRY_INFO = 'type.googleapis.com/google.rpc.RetryInfo';
const DOMAIN = 'frontier.dev';

/** What grpc-js takes as a handler's error. */
export interface GrpcStatus {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
}

/** Gives any thrown value as a gRPC status with ErrorInfo. Unknown errors become INTERNAL with fixed text. */
export function toStatus(thrown: unknown): GrpcStatus {
  const error = toFrontierError(thrown);
  const metadata = new Metadata();
  metadata.set(DETAILS_KEY, encodeDetails(error));
  if (error.retryAfterMs !== undefined) metadata.set('retry-after', String(Math.ceil(error.retryAfterMs / 1000)));
  return { code: error.code, details: error.message, metadata };
}

/** Gives a failed call's error as a FrontierError, with the reason that the server named if it is one of ours. */
export function fromStatus(thrown: unknown): FrontierError {
  if (thrown instanceof FrontierError || !isServiceError(thrown)) return toFrontierError(thrown);
  const details = readDetails(thrown.metadata);
  const named = details?.reason ?? reasonOfDrop(thrown);
  const reason = named !== undefined && isReason(named) ? named : reasonOfCode(thrown.code);
  return new FrontierError(reason, thrown.details || thrown.message, {
    cause: thrown,
    metadata: details?.metadata ?? {},
    ...(details?.retryAfterMs === undefined ? {} : { retryAfterMs: details.retryAfterMs }),
  });
}

/** Tells whether a thrown value is a grpc-js call error. */
export function isServiceError(thrown: unknown): thrown is ServiceError {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'number' && 'details' in thrown;
}

/** A call that the channel itself has dropped, as the control plane told it to: the category is a reason of ours. */
function reasonOfDrop({ code, details }: { readonly code: number; readonly details: string }): string | undefined {
  if (code !== Code.UNAVAILABLE) return undefined;
  return /^Call dropped by load balancing policy\. Category: (\w+)$/.exec(details)?.[1];
}

/** Reason for a status that names none of ours. */
function reasonOfCode(code: number): Reason {
  switch (code) {
    case Code.CANCELLED:
      return 'CANCELLED';
    case Code.INVALID_ARGUMENT:
      return 'INVALID_FIELD';
    case Code.DEADLINE_EXCEEDED:
      return 'DEADLINE_EXCEEDED';
    case Code.NOT_FOUND:
      return 'PATH_UNKNOWN';
    case Code.PERMISSION_DENIED:
      return 'PERMISSION_DENIED';
    case Code.RESOURCE_EXHAUSTED:
      return 'OVERLOADED';
    case Code.UNIMPLEMENTED:
      return 'UNIMPLEMENTED';
    case Code.UNAVAILABLE:
      return 'SERVICE_UNAVAILABLE';
    case Code.UNAUTHENTICATED:
      return 'UNAUTHENTICATED';
    default:
      return 'INTERNAL';
  }
}

/** google.rpc.Status {1 code, 2 message, 3 details: Any}; ErrorInfo {1 reason, 2 domain, 3 metadata}; RetryInfo {1 Duration}. */
function encodeDetails(error: FrontierError): Buffer {
  const writer = new BinaryWriter();
  writer.uint32(8).int32(error.code).uint32(18).string(error.message);
  writeAny(writer, ERROR_INFO, (info) => {
    info.uint32(10).string(error.reason).uint32(18).string(DOMAIN);
    for (const [key, value] of Object.entries(error.metadata)) {
      info.uint32(26).fork().uint32(10).string(key).uint32(18).string(value).join();
    }
  });
  const { retryAfterMs } = error;
  if (retryAfterMs !== undefined) {
    writeAny(writer, RETRY_INFO, (info) => {
      const seconds = Math.floor(retryAfterMs / 1000);
      const nanos = Math.round((retryAfterMs - seconds * 1000) * 1e6);
      info.uint32(10).fork().uint32(8).int64(seconds).uint32(16).int32(nanos).join();
    });
  }
  return Buffer.from(writer.finish());
}

function writeAny(writer: BinaryWriter, typeUrl: string, write: (inner: BinaryWriter) => void): void {
  const inner = new BinaryWriter();
  write(inner);
  writer.uint32(26).fork().uint32(10).string(typeUrl).uint32(18).bytes(inner.finish()).join();
}

interface Details {
  reason?: string;
  metadata: Record<string, string>;
  retryAfterMs?: number;
}

function readDetails(metadata: Metadata | undefined): Details | undefined {
  const raw = metadata?.get(DETAILS_KEY)[0];
  if (!Buffer.isBuffer(raw)) return undefined;
  try {
    return decodeStatus(raw);
  } catch {
    // A foreign server's details that are not google.rpc.Status: the status code alone has to do.
    return undefined;
  }
}

function decodeStatus(raw: Uint8Array): Details {
  const details: Details = { metadata: {} };
  eachField(new BinaryReader(raw), (field, reader) => {
    if (field !== 3) return false;
    let typeUrl = '';
    let value: Uint8Array = new Uint8Array();
    eachField(new BinaryReader(reader.bytes()), (inner, any) => {
      if (inner === 1) typeUrl = any.string();
      else if (inner === 2) value = any.bytes();
      else return false;
      return true;
    });
    if (typeUrl === ERROR_INFO) readErrorInfo(value, details);
    if (typeUrl === RETRY_INFO) details.retryAfterMs = readRetryInfo(value);
    return true;
  });
  return details;
}

function readErrorInfo(value: Uint8Array, details: Details): void {
  eachField(new BinaryReader(value), (field, info) => {
    if (field === 1) details.reason = info.string();
    else if (field === 3) readEntry(info.bytes(), details.metadata);
    else return false;
    return true;
  });
}

function readEntry(bytes: Uint8Array, into: Record<string, string>): void {
  let key = '';
  let value = '';
  eachField(new BinaryReader(bytes), (field, entry) => {
    if (field === 1) key = entry.string();
    else if (field === 2) value = entry.string();
    else return false;
    return true;
  });
  into[key] = value;
}

function readRetryInfo(value: Uint8Array): number {
  let ms = 0;
  eachField(new BinaryReader(value), (field, info) => {
    if (field !== 1) return false;
    eachField(new BinaryReader(info.bytes()), (inner, duration) => {
      if (inner === 1) ms += Number(duration.int64()) * 1000;
      else if (inner === 2) ms += duration.int32() / 1e6;
      else return false;
      return true;
    });
    return true;
  });
  return ms;
}

/** Walks a message's fields; `read` says whether it took the field, others are passed over. */
function eachField(reader: BinaryReader, read: (field: number, reader: BinaryReader) => boolean): void {
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (!read(field, reader)) reader.skip(wireType);
  }
}
