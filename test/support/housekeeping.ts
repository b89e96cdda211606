import { tokenFor } from './address.js';
import type { Scope } from './folder.js';
import type { TestServer } from './godwit.js';
import { Wire } from './wire.js';

const DAY_S = 86_400;
let visitors = 0;

/**
 * Resolves when the server has looked at all its sessions at the time that its clock shows now, and 2 s later: a
 * visitor whose token ends a second from now was shown out. Others are looked at in the same go, in the order in
 * which they came.
 */
export async function housekept(t: Scope, server: TestServer): Promise<void> {
  const user = `visitor${++visitors}`;
  const visitor = await Wire.connect(t, server, `${user}:door`, { password: Buffer.from(tokenFor(server, user, { days: 1 / DAY_S })) });
  server.clock.advance(2_000);
  await visitor.closed();
}
