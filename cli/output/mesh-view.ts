import { DiffReason, RootRotationStep } from '../../gen/frontier/mesh/v1/status.ts';
import type {
  DiffNodesResponse,
  GetStatusResponse,
  NodeStatus,
  ResourceDiff,
  RootRotation,
  TypeStatus,
} from '../../gen/frontier/mesh/v1/status.ts';
import { table } from './table.ts';

/** Gives a control plane's status as lines: itself, then a row for each node and type. */
export function meshStatusLines(status: GetStatusResponse): string[] {
  const { instance, snapshotHash, synced, nodes, rootExpireTime, rootRotation } = status;
  const head = [
    `${instance}, snapshot ${snapshotHash === '' ? 'none' : snapshotHash.slice(0, 16)}, ${nodes.length} connected`,
    ...(synced ? [] : ['the loader has not been heard yet: nothing is served']),
    ...(rootExpireTime === undefined ? [] : [`root valid until ${rootExpireTime.toISOString().slice(0, 10)}`]),
    ...(rootRotation === undefined ? [] : [rotationLine(rootRotation)]),
  ];
  if (nodes.length === 0) return head;
  return [...head, '', ...table([['NODE', 'TYPE', 'ACKED', 'STATE', 'IDENTITY'], ...nodes.flatMap(nodeRows)])];
}

/** Gives a rotation of the root as a sentence. */
export function rotationLine({ step, stepEndTime }: RootRotation): string {
  const what =
    step === RootRotationStep.REPLACE
      ? 'the new root signs, the old one is still trusted'
      : 'the new root is being handed out, the old one signs';
  return `root rotation: ${what}, until ${stepEndTime?.toISOString() ?? '?'}`;
}

function nodeRows({ nodeId, spiffeId, types }: NodeStatus): string[][] {
  const identity = spiffeId === '' ? 'local socket' : spiffeId;
  if (types.length === 0) return [[nodeId, '-', '-', 'has asked for nothing', identity]];
  return types.map((type, index) => [
    index === 0 ? nodeId : '',
    typeName(type.typeUrl),
    type.ackedVersion === '' ? '-' : type.ackedVersion.slice(0, 8),
    stateOf(type),
    index === 0 ? identity : '',
  ]);
}

function stateOf({ nackMessage, sentVersion, ackedVersion }: TypeStatus): string {
  if (nackMessage !== '') return `refused: ${nackMessage}`;
  return sentVersion === ackedVersion ? 'in sync' : 'waiting for an answer';
}

const WHY: Readonly<Record<number, string>> = {
  [DiffReason.PENDING]: 'not sent yet',
  [DiffReason.UNANSWERED]: 'not answered yet',
  [DiffReason.REFUSED]: 'refused',
};

/** Gives where nodes differ from what they are to have, as lines. */
export function meshDiffLines({ nodes }: DiffNodesResponse): string[] {
  const rows = nodes.flatMap(({ nodeId, resources }) => resources.map((diff) => diffRow(nodeId, diff)));
  if (rows.length === 0) return [`${nodes.length} connected, and each has what it is to have`];
  return table([['NODE', 'TYPE', 'NAME', 'WANTED', 'HAS', ''], ...rows]);
}

function diffRow(nodeId: string, { typeUrl, name, wantedVersion, heldVersion, reason }: ResourceDiff): string[] {
  const short = (version: string): string => (version === '' ? '-' : version.slice(0, 8));
  return [nodeId, typeName(typeUrl), name, short(wantedVersion), short(heldVersion), WHY[reason] ?? ''];
}

/** Gives the last part of a type URL, which says it all to a reader. */
export function typeName(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf('.') + 1);
}
