import type { Orchestration } from './schema.ts';
import type { Finding } from './validate.ts';

const REPLICAS = ['orchestration', 'router', 'replicas'];
const PORTS = ['orchestration', 'network', 'router_replicas'];

/** Gives what several routers lack: an Envoy before them, a store in which they meet, ports for each. */
export function checkReplicas({ router: { replicas }, mesh, storage, network }: Orchestration): Finding[] {
  const ports = network.router_replicas.length;
  const findings: Finding[] = [];
  if (replicas > 1 && mesh.mode !== 'envoy')
    findings.push({
      path: REPLICAS,
      message: `is ${replicas}, but with mesh.mode "${mesh.mode}" no Envoy of ours shares queries out among them; set mesh.mode to "envoy"`,
    });
  if (replicas > 1 && storage.type === 'memory')
    findings.push({
      path: REPLICAS,
      message: `is ${replicas}, but storage.type "memory" is for one router: rate limits and breakers that are opened by hand would hold at one of them alone; set storage.type to "redis"`,
    });
  if (ports !== 0 && ports !== replicas - 1)
    findings.push({
      path: PORTS,
      message: `has ${ports} entries, but router.replicas is ${replicas}: give ${replicas - 1}, one for each router after the first, or none`,
    });
  return findings;
}
