import type { Server } from '@grpc/grpc-js';
import type { PackageDefinition } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { DESCRIPTOR_SET } from '../gen/descriptors.ts';

/** Services that the router's port tells of. */
const SERVICES = ['frontier.router.v1.RouterService', 'grpc.health.v1.Health'];

/** Has a server tell clients such as grpcurl what it serves. */
export function addReflection(server: Server): void {
  new ReflectionService(contracts(), { services: SERVICES }).addToServer(server);
}

/**
 * Gives the compiled contracts in the only form that ReflectionService takes: proto-loader's, of which it reads the file
 * descriptors. proto-loader's own have no imports and other field names, and clients that check them refuse them.
 */
function contracts(): PackageDefinition {
  const { file } = fromBinary(FileDescriptorSetSchema, Buffer.from(DESCRIPTOR_SET, 'base64'));
  const fileDescriptorProtos = file.map((each) => Buffer.from(toBinary(FileDescriptorProtoSchema, each)));
  return { contracts: { fileDescriptorProtos } } as unknown as PackageDefinition;
}
