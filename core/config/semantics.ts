import { checkServedClasses } from './check-classes.ts';
import { checkModule } from './check-module.ts';
import { checkOrchestration } from './check-orchestration.ts';
import { checkOverload } from './check-overload.ts';
import { checkReferences } from './check-references.ts';
import { checkSecurity } from './check-security.ts';
import { isSet, type ConfigDraft, type DocumentFinding } from './draft.ts';
import type { Finding } from './validate.ts';

/**
 * Gives what no schema can tell: references, contradictions, and settings that could have no effect (there is no silent no-op).
 * Pure. Documents that failed their schema are passed over, but the others are still checked.
 */
export function checkSemantics(draft: ConfigDraft): DocumentFinding[] {
  return [
    ...inOrchestration([
      ...checkOrchestration(draft.orchestration),
      ...checkOverload(draft),
      ...checkSecurity(draft),
      ...checkBreakers(draft),
    ]),
    ...draft.modules.flatMap((module, document) => checkModule(module).map((finding) => ({ ...finding, document }))),
    ...checkReferences(draft),
    ...checkServedClasses(draft),
  ];
}

function inOrchestration(findings: readonly Finding[]): DocumentFinding[] {
  return findings.map((finding) => ({ ...finding, document: 'orchestration' }));
}

/** A breaker on nothing: the common setting was written, and every module has switched its breaker off. */
function checkBreakers({ orchestration, modules }: ConfigDraft): Finding[] {
  const path = ['orchestration', 'fallback', 'circuit_breaker'];
  const allOff = modules.length > 0 && modules.every(({ value }) => value?.circuit_breaker.enabled === false);
  if (!allOff || !isSet(orchestration.raw, path)) return [];
  return [{ path, message: 'has no effect: every module has circuit_breaker.enabled: false' }];
}
