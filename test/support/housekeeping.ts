import { tokenFor } from './address.js';
import type { Scope } from './folder.js';
import type { TestServer } from './godwit.js';
import { Wire } from './wire.js';

const DAY_S = 86_400;
let visitors = 0;

/**
 * Resolves when the server has looked at all its sessions at the time that its clock shows now, and 2 s later: a
 * visitor whose token ended within these was shown out. Others are looked at in the same go, in the order in which
 * they came.
 */
export async function housekept(t: Scope, server: TestServer): Promise<void> {
  const visitor = await comeIn(t, server);
  server.clock.advance(2_000);
  await visitor.closed();
}

/** Tokens end at a full second: one that lasts 1 to 2 s from now. Where connecting took longer than that, again. */
async function comeIn(t: Scope, server: TestServer): Promise<Wire> {
  const user = `visitor${++visitors}`;
  const password = Buffer.from(tokenFor({ secret: server.secret, now: () => server.clock.now() + 999 }, user, { days: 1 / DAY_S }));
  const visitor = await Wire.dial(t, server, user);
  const { returnCode } = await visitor.login(server, `${user}:door`, { password });
  return returnCode === 0 ? visitor : comeIn(t, server);
}
