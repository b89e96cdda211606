import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Device } from '../support/device.js';
import { SECRET } from '../support/godwit.js';
import { done } from '../support/groups.js';
import { serveProcess } from '../support/process.js';
import { Shell } from './command.js';

describe('godwit reports', () => {
  test('prints what users have reported, in one line each, and removes what was dealt with', async (t) => {
    const server = await serveProcess(t);
    const shell = await Shell.open(t, { GODWIT_DATA: server.data, GODWIT_AUTH_SECRET: SECRET });
    assert.equal(await shell.ok('reports'), 'no reports\n');
    const alice = await Device.connect(t, server, 'alice:phone');
    const mallory = await Device.connect(t, server, 'mallory:phone');
    await mallory.send('alice', 'buy!');
    await alice.message('buy!');
    const { report: first } = await done(alice, 'reports.add', { conversation: 'd:alice:mallory', seq: 1n, reason: 'spam\nand \u001b[2Jmore' });
    const { report: second } = await done(alice, 'reports.add', { user: 'mallory', reason: 'all of it' });
    const [head, ...rows] = (await shell.ok('reports')).trimEnd().split('\n').map((line) => line.split(/ {2,}/));
    assert.deepEqual(head, ['REPORT', 'TIME', 'BY', 'OF', 'MESSAGE', 'REASON']);
    assert.deepEqual(rows.map(([report, , ...rest]) => [report, ...rest]), [[first, 'alice', 'mallory', 'd:alice:mallory 1', 'spam and \ufffd[2Jmore'], [second, 'alice', 'mallory', 'all of it']]);
    assert.equal(await shell.ok('reports', '--remove', first), `${first} was removed\n`);
    const again = await shell.run(['reports', '--remove', first, second]);
    assert.deepEqual(again, { code: 1, stdout: `${second} was removed\n`, stderr: `godwit: there is no report ${first}\n` });
    assert.equal(await shell.ok('reports'), 'no reports\n');
  });
});
