import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../support/folder.js';
import { recordExchange } from './exchange.js';
import { protocolPath, withBytes } from './protocol-doc.js';

test('docs/protocol.md shows the bytes that a server and its clients exchange (node dist/test/docs/protocol-doc.js writes them)', async () => {
  const document = readFileSync(protocolPath, 'utf8');
  assert.ok(document.includes('<!-- bytes -->'));
  assert.equal(document, await withBytes(document));
});

test('what is shown is recorded: the server answers, delivers and tells in this order', async (t) => {
  const frames = await recordExchange(join(await temporaryFolder(t), 'data'));
  const told = frames.map(({ sender, receiver, bytes }) => `${sender} ${receiver} ${bytes[0] >> 4}`);
  const login = (user: string): string[] => [`${user} server 1`, `server ${user} 2`, `${user} server 8`, `server ${user} 9`];
  const message = ['alice server 3', 'server alice 3', 'server alice 4', 'server bob 3', 'bob server 4', 'server alice 3', 'alice server 4'];
  assert.deepEqual(told, [...login('alice'), ...login('bob'), ...message]);
});
