/**
 * Sends a signal to the process `pid` and all that it started, when it leads a process group of its own; else to it
 * alone. Gives false when there is no such process any more.
 */
export function signalGroup(pid: number, signal: NodeJS.Signals): boolean {
  if (process.platform === 'win32') return sendSignal(pid, signal);
  return sendSignal(-pid, signal) || sendSignal(pid, signal);
}

/** Ends what is left of the process group that `pid` led, after `pid` itself has ended. */
export function sweepGroup(pid: number): void {
  if (process.platform !== 'win32') sendSignal(-pid, 'SIGKILL');
}

function sendSignal(target: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(target, signal);
  } catch {
    return false; // ESRCH: it has ended. EPERM: it is no longer ours, which is the same to us.
  }
}
