import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Run } from './run-program.ts';

/** Release of Kubernetes whose API server tests run against. */
export const KUBERNETES = '1.34.4';

const MODULE = 'frontier.dev/lab/kube-apiserver';
const COMMAND = 'k8s.io/kubernetes/cmd/kube-apiserver';

/**
 * Builds kube-apiserver out of Go modules. `go install` refuses k8s.io/kubernetes for its replace lines, which point into its own
 * tree; it builds from a module of our own in which they point to the published modules of the same release.
 */
export async function buildKubeApiserver(run: Run, folder: string, target: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const goMod = (lines: readonly string[]): void => {
    writeFileSync(join(folder, 'go.mod'), [`module ${MODULE}`, 'go 1.24.0', ...lines, ''].join('\n'));
  };
  goMod([]);
  const answer = await run('go', ['mod', 'download', '-json', `k8s.io/kubernetes@v${KUBERNETES}`], { cwd: folder });
  const { GoMod } = JSON.parse(answer) as { GoMod: string };
  const staged = [...readFileSync(GoMod, 'utf8').matchAll(/(\S+) => \.\/staging\//g)].map((match) => match[1] ?? '');
  const published = `v0.${KUBERNETES.slice(2)}`;
  goMod([
    `require k8s.io/kubernetes v${KUBERNETES}`,
    ...staged.map((name) => `replace ${name} => ${name} ${published}`),
  ]);
  writeFileSync(join(folder, 'tools.go'), `//go:build tools\n\npackage tools\n\nimport _ "${COMMAND}"\n`);
  await run('go', ['mod', 'tidy', '-e'], { cwd: folder });
  const [major = '', minor = ''] = KUBERNETES.split('.');
  const version = 'k8s.io/component-base/version';
  const flags = [
    '-s -w',
    `-X ${version}.gitVersion=v${KUBERNETES}`,
    `-X ${version}.gitMajor=${major}`,
    `-X ${version}.gitMinor=${minor}`,
  ].join(' ');
  const built = join(folder, 'kube-apiserver');
  // Minutes of both cores: the tests that run meanwhile go first.
  await run('nice', ['go', 'build', '-p', '2', '-ldflags', flags, '-o', built, COMMAND], {
    cwd: folder,
    env: { CGO_ENABLED: '0' },
  });
  mkdirSync(dirname(target), { recursive: true });
  renameSync(built, target);
}
