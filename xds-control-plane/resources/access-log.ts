import type { Orchestration } from '../../core/config/schema.ts';
import { extension } from '../protobuf/messages.ts';
import type { Extension, HttpConnectionManager } from '../protobuf/messages.ts';
import { EDGE } from './names.ts';

type AccessLog = NonNullable<HttpConnectionManager['access_log']>[number];

/** Gives the edge's log: one JSON line for each request that is to be logged. */
export function accessLog({ mesh }: Orchestration): Pick<HttpConnectionManager, 'access_log'> {
  const { requests, file } = mesh.edge.access_log;
  if (requests === 'none') return {};
  const event = requests === 'all' ? `${EDGE}_request` : `${EDGE}_failure`;
  return { access_log: [{ ...(requests === 'all' ? {} : failuresOnly()), ...sink(file, event) }] };
}

/** What Envoy answered itself or passed on as a server error; good requests cost no line. */
function failuresOnly(): Pick<AccessLog, 'filter'> {
  return {
    filter: {
      or_filter: {
        filters: [
          {
            status_code_filter: {
              comparison: { op: 'GE', value: { default_value: 500, runtime_key: 'frontier.access_log_from_status' } },
            },
          },
          { response_flag_filter: {} },
        ],
      },
    },
  };
}

function sink(file: string | undefined, event: string): { name: string; typed_config: Extension } {
  const log_format = { json_format: { fields: fieldsOf(event) } };
  return file === undefined
    ? {
        name: 'envoy.access_loggers.stdout',
        typed_config: extension('envoy.extensions.access_loggers.stream.v3.StdoutAccessLog', { log_format }),
      }
    : {
        name: 'envoy.access_loggers.file',
        typed_config: extension('envoy.extensions.access_loggers.file.v3.FileAccessLog', { path: file, log_format }),
      };
}

function fieldsOf(event: string): Record<string, { stringValue: string }> {
  const field = (format: string): { stringValue: string } => ({ stringValue: format });
  return {
    time: field('%START_TIME%'),
    event: field(event),
    method: field('%REQ(:METHOD)%'),
    // Without the query string, which may hold what a user typed.
    path: field('%PATH(NQ)%'),
    status: field('%RESPONSE_CODE%'),
    grpc_status: field('%GRPC_STATUS%'),
    flags: field('%RESPONSE_FLAGS%'),
    details: field('%RESPONSE_CODE_DETAILS%'),
    upstream: field('%UPSTREAM_CLUSTER%'),
    duration_ms: field('%DURATION%'),
    request_id: field('%REQ(X-REQUEST-ID)%'),
    trace_id: field('%TRACE_ID%'),
  };
}
