import { isIPv6 } from 'node:net';
import { checkAuthority } from './check-authority.ts';
import { checkAddedClasses } from './check-classes.ts';
import { checkEdge } from './check-edge.ts';
import { checkReplicas } from './check-replicas.ts';
import { checkStorage } from './check-storage.ts';
import { isSet, type Draft } from './draft.ts';
import type { Orchestration } from './schema.ts';
import type { Finding } from './validate.ts';

type Check = (value: Orchestration, raw: unknown) => Finding[];

/** Gives what is wrong with the orchestration file by itself, beyond its schema; security has a file of its own. */
export function checkOrchestration({ value, raw }: Draft<Orchestration>): Finding[] {
  return value === undefined ? [] : CHECKS.flatMap((check) => check(value, raw));
}

/** Tells whether an address can be reached from this machine alone. */
export function isLoopback(address: string): boolean {
  return (
    address === 'localhost' || /^127(\.\d{1,3}){3}$/.test(address) || (isIPv6(address) && /^(0*:)*:?0*1$/.test(address))
  );
}

const checkPorts: Check = ({ network: { ports }, mesh }) => {
  // Without an Envoy the router itself is the edge for HTTP.
  const entries = Object.entries(ports).filter(([name]) => name !== 'edge' || mesh.mode !== 'proxyless');
  return entries.flatMap(([name, port], index) => {
    const twin = entries.slice(0, index).find(([, other]) => other === port && port !== 0);
    const path = ['orchestration', 'network', 'ports', name];
    return twin === undefined ? [] : [{ path, message: `is ${port}, the same as network.ports.${twin[0]}` }];
  });
};

const checkDebounce: Check = ({ mesh }) =>
  mesh.debounce > mesh.debounce_max
    ? [
        {
          path: ['orchestration', 'mesh', 'debounce'],
          message: `is ${mesh.debounce}, longer than mesh.debounce_max, which is ${mesh.debounce_max}`,
        },
      ]
    : [];

const checkHttp: Check = ({ communication }, raw) => {
  const path = ['orchestration', 'communication', 'protocols', 'http', 'timeout'];
  const idle = !communication.protocols.http.enabled && isSet(raw, path);
  return idle ? [{ path, message: 'has no effect: communication.protocols.http.enabled is false' }] : [];
};

const checkOrigins: Check = ({ network: { cors_origins: origins } }) =>
  origins.flatMap((origin, index) => {
    const path = ['orchestration', 'network', 'cors_origins', index];
    if (origin === '*') {
      return origins.length > 1 ? [{ path, message: 'allows any origin, so the others have no effect' }] : [];
    }
    // Browsers send an origin in just this form, and it is compared as text.
    if (URL.parse(origin)?.origin === origin) return [];
    return [{ path, message: 'must be "*" or an origin such as https://example.com, without a path or a final slash' }];
  });

const checkSelection: Check = ({ router: { selection } }, raw) => {
  const below = ['orchestration', 'router', 'selection'];
  const { weights, exploration, cold_start: coldStart } = selection;
  const findings: Finding[] = [];
  if (Object.values(weights).every((weight) => weight === 0))
    findings.push({
      path: [...below, 'weights'],
      message: 'are all 0, so modules could not be ranked: give one a weight',
    });
  const tenants = [...below, 'exploration', 'excluded_tenants'];
  if (exploration.share === 0 && isSet(raw, tenants))
    findings.push({ path: tenants, message: 'has no effect: exploration.share is 0' });
  const maxWait = [...below, 'cold_start', 'max_wait'];
  if (coldStart.policy === 'wait' && isSet(raw, maxWait))
    findings.push({ path: maxWait, message: 'has no effect: cold_start.policy is "wait"' });
  return findings;
};

const checkCache: Check = ({ router: { cache } }, raw) => {
  if (cache.enabled) return [];
  return ['ttl', 'max_bytes', 'shared', 'similarity', 'collapse'].flatMap((key) => {
    const path = ['orchestration', 'router', 'cache', key];
    return isSet(raw, path) ? [{ path, message: 'has no effect: router.cache.enabled is false' }] : [];
  });
};

const checkSharedBreakers: Check = ({ mesh }, raw) =>
  mesh.shared_breakers.enabled
    ? []
    : ['quorum', 'lease', 'min_weight_percent'].flatMap((key) => {
        const path = ['orchestration', 'mesh', 'shared_breakers', key];
        return isSet(raw, path) ? [{ path, message: 'has no effect: mesh.shared_breakers.enabled is false' }] : [];
      });

const CHECKS: readonly Check[] = [
  checkAddedClasses,
  checkPorts,
  checkDebounce,
  checkHttp,
  checkOrigins,
  checkSelection,
  checkCache,
  checkEdge,
  checkAuthority,
  checkSharedBreakers,
  checkStorage,
  checkReplicas,
];
