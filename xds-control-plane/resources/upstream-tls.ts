import type { Orchestration } from '../../core/config/schema.ts';
import { extension } from '../protobuf/messages.ts';
import type { Extension } from '../protobuf/messages.ts';
import { GATEWAY_SECRET, moduleSpiffeId, PROXYLESS_CERTIFICATES, ROOTS_SECRET } from './names.ts';

interface TransportSocket {
  name: string;
  typed_config: Extension;
}

const SOCKET_NAME = 'envoy.transport_sockets.tls';

/**
 * Where secrets come from. These bytes must never change on a live reference: Envoy then makes a new subscription that
 * gets no answer (envoy#47309, checklist 59).
 */
export const SDS_CONFIG = { ads: {}, resource_api_version: 'V3' } as const;

/** Mutual TLS to a module's sidecars, with certificates by SDS; only the module's own SPIFFE id is taken. */
export function moduleTls(moduleId: string, orchestration: Orchestration): TransportSocket {
  return {
    name: SOCKET_NAME,
    typed_config: extension('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext', {
      sni: moduleId,
      common_tls_context: {
        tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
        alpn_protocols: ['h2'],
        tls_certificate_sds_secret_configs: [{ name: GATEWAY_SECRET, sds_config: SDS_CONFIG }],
        combined_validation_context: {
          default_validation_context: {
            match_typed_subject_alt_names: [
              { san_type: 'URI', matcher: { exact: moduleSpiffeId(moduleId, orchestration) } },
            ],
          },
          validation_context_sds_secret_config: { name: ROOTS_SECRET, sds_config: SDS_CONFIG },
        },
      },
    }),
  };
}

/**
 * The same for a proxyless client, which reads its certificates from files named in its bootstrap (gRFC A29). grpc-js
 * rejects tls_params; its `exact` matcher compares the value of any kind of name, URIs included.
 */
export function proxylessModuleTls(moduleId: string, orchestration: Orchestration): TransportSocket {
  return {
    name: SOCKET_NAME,
    typed_config: extension('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext', {
      common_tls_context: {
        tls_certificate_provider_instance: { instance_name: PROXYLESS_CERTIFICATES },
        validation_context: {
          ca_certificate_provider_instance: { instance_name: PROXYLESS_CERTIFICATES },
          match_subject_alt_names: [{ exact: moduleSpiffeId(moduleId, orchestration) }],
        },
      },
    }),
  };
}

/** TLS to a server of the public web, checked by the machine's own roots. */
export function publicTls(host: string): TransportSocket {
  return {
    name: SOCKET_NAME,
    typed_config: extension('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext', {
      sni: host,
      common_tls_context: {
        alpn_protocols: ['h2'],
        validation_context: {
          system_root_certs: {},
          match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: host } }],
        },
      },
    }),
  };
}
