import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const LISTENING = '0A';

/** Says which process listens on a TCP port, e.g. "process 4711 (nginx)"; undefined where that cannot be read (Linux only). */
export function portHolder(port: number, procDir = '/proc'): string | undefined {
  const inodes = listeningInodes(port, procDir);
  if (inodes.size === 0) return undefined;
  const pid = readDir(procDir)
    .filter((name) => /^\d+$/.test(name))
    .find((name) => readDir(`${procDir}/${name}/fd`).some((fd) => inodes.has(linkOf(`${procDir}/${name}/fd/${fd}`))));
  return pid === undefined ? undefined : `process ${pid} (${readText(`${procDir}/${pid}/comm`).trim()})`;
}

/** The sockets that listen on the port, as /proc/<pid>/fd names them; see proc(5), /proc/net/tcp. */
function listeningInodes(port: number, procDir: string): Set<string> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = ['tcp', 'tcp6'].flatMap((file) => readText(`${procDir}/net/${file}`).split('\n'));
  const matching = rows
    .map((row) => row.trim().split(/\s+/))
    .filter((cells) => cells[1]?.endsWith(suffix) && cells[3] === LISTENING);
  return new Set(matching.map((cells) => `socket:[${cells[9] ?? ''}]`));
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function readDir(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
