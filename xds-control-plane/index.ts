/** The xDS server as a library, for anybody's resources: see docs/xds-library.md. */
export { createXdsServer } from './library/xds-server.ts';
export type { ListenOptions, TlsFiles, XdsServer, XdsServerOptions } from './library/xds-server.ts';
export type { SnapshotEditor, SnapshotInput } from './library/snapshot-editor.ts';
export type { EncodedResource, JsonResource, ResourceInput } from './cache/raw-resource.ts';
export { EVERY_NODE } from './cache/node-snapshots.ts';
export type { Answer, StreamEvents, StreamInfo } from './ads/ads-session.ts';
export type { DiscoveryNode } from './ads/discovery-requests.ts';
export { TYPE_URLS } from './protobuf/type-urls.ts';
