import { describe, expect, it } from '@jest/globals';
import { hashApiKey } from '../../core/config/api-key.ts';
import { createAuthenticate, isLoopback, requirePermission } from './authenticate.ts';

const SECURITY = {
  api_keys: [{ id: 'k', hash: hashApiKey('secret'), tenant: 'acme', roles: ['reader', 'writer'] }],
  roles: {
    reader: { permissions: ['read_status' as const], modules: ['a'], max_priority: 'low' as const },
    writer: { permissions: ['route' as const], modules: ['b'], max_priority: 'critical' as const },
  },
  tenants: { acme: { weight: 2, priority: 'low' as const, max_priority: 'high' as const } },
};
const shown = { authorization: undefined, apiKey: undefined, peer: '127.0.0.1:5000' };

describe('createAuthenticate', () => {
  it('gives a key the sum of its roles, and the priority that its tenant allows', () => {
    const principal = createAuthenticate(SECURITY)({ ...shown, authorization: 'Bearer secret' });
    expect(principal).toEqual({
      tenant: 'acme',
      subject: 'k',
      permissions: new Set(['read_status', 'route']),
      modules: new Set(['a', 'b']),
      priority: 'low',
      maxPriority: 'high',
    });
    expect(() => {
      requirePermission(principal, 'manage_modules');
    }).toThrow(expect.objectContaining({ reason: 'PERMISSION_DENIED' }));
  });

  it.each([undefined, 'Basic secret', 'Bearer wrong', 'Bearer'])('refuses "%s"', (authorization) => {
    expect(() => createAuthenticate(SECURITY)({ ...shown, authorization })).toThrow(
      expect.objectContaining({ reason: 'UNAUTHENTICATED' }),
    );
  });

  it('without keys serves this machine alone', () => {
    const authenticate = createAuthenticate({ ...SECURITY, api_keys: [] });
    expect(authenticate(shown).permissions).toContain('manage_modules');
    expect(() => authenticate({ ...shown, peer: '192.0.2.1:5000' })).toThrow(
      expect.objectContaining({ reason: 'UNAUTHENTICATED' }),
    );
  });
});

describe('isLoopback', () => {
  it.each([
    '127.0.0.1',
    '127.0.0.1:53122',
    '127.9.9.9:1',
    '::1',
    '[::1]:53122',
    '::1:53122',
    '::ffff:127.0.0.1',
    'unix:/run/x.sock',
  ])('%s is', (peer) => {
    expect(isLoopback(peer)).toBe(true);
  });
  it.each(['', '10.0.0.1', '127.0.0.1.example.com', '::2', '128.0.0.1:127', '[::ffff:10.0.0.1]:1', '1127.0.0.1'])(
    '%s is not',
    (peer) => {
      expect(isLoopback(peer)).toBe(false);
    },
  );
});
