import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { jwtVerify, SignJWT } from 'jose';
import { FrontierError } from '../errors.ts';

/** Join tokens buy a process its first certificate; see docs/architecture.md, "Identity". */

const AUDIENCE = 'frontier-join';
const LIFE_SECONDS = 600;
const KEY_BYTES = 32;

/** Gives the join key of a data directory, making it (0600) when there is none. Throws CONFIG_INVALID for a damaged one. */
export function loadOrCreateJoinKey(dataDir: string): Uint8Array {
  const file = path.join(dataDir, 'identity', 'join.key');
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  try {
    // Fails when another process has just made it: the first one wins.
    writeFileSync(file, randomBytes(KEY_BYTES).toString('base64'), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const key = Buffer.from(readFileSync(file, 'utf8'), 'base64');
  if (key.length !== KEY_BYTES) {
    throw new FrontierError('CONFIG_INVALID', `${file} is damaged: remove it and start again`, { metadata: { file } });
  }
  return key;
}

/** Gives a token that lets its bearer ask for a certificate of `spiffeId` within ten minutes. */
export function mintJoinToken(key: Uint8Array, spiffeId: string, nowMs: number): Promise<string> {
  const now = Math.floor(nowMs / 1000);
  return new SignJWT({})
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(spiffeId)
    .setAudience(AUDIENCE)
    .setIssuedAt(now)
    .setExpirationTime(now + LIFE_SECONDS)
    .sign(key);
}

/** Gives the SPIFFE id that a token was minted for. Throws UNAUTHENTICATED when it is false, foreign or expired. */
export async function verifyJoinToken(key: Uint8Array, token: string, nowMs: number): Promise<string> {
  try {
    const { payload } = await jwtVerify(token, key, {
      audience: AUDIENCE,
      algorithms: ['HS256'],
      currentDate: new Date(nowMs),
      requiredClaims: ['sub', 'exp'],
    });
    return payload.sub ?? '';
  } catch (error) {
    throw new FrontierError('UNAUTHENTICATED', 'the join token is not valid, or has expired', { cause: error });
  }
}
