import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, limits } from 'godwit-schemas';
import { Device } from '../support/device.js';
import { startGodwit } from '../support/godwit.js';
import { done, group, people, refused, say } from '../support/groups.js';
import { httpCall } from '../support/http.js';

const admin = { admin: true };

describe('reports', () => {
  test('of a message or a person are kept for who runs the server, also after a restart, until they are removed', async (t) => {
    const server = await startGodwit(t);
    const [alice, mallory] = await people(t, server, 'alice', 'mallory');
    await mallory.send('alice', 'buy!');
    await alice.message('buy!');
    const first = await done(alice, 'reports.add', { conversation: 'd:alice:mallory', seq: 1n, reason: 'spam' });
    await done(alice, 'reports.add', { user: 'mallory', reason: 'all of it' });
    await server.restart();
    const list = async (request = {}) => (await httpCall(server, 'root', 'admin.reports.list', request, admin)).value!;
    const shown = (await list()).reports.map((it) => [it.by, it.user, it.conversation, it.seq, it.reason]);
    assert.deepEqual(shown, [['alice', 'mallory', 'd:alice:mallory', 1n, 'spam'], ['alice', 'mallory', '', 0n, 'all of it']]);
    const page = await list({ limit: 1 });
    assert.deepEqual([page.reports.map((it) => it.report), page.more, (await list({ after: first.report })).reports.length], [[first.report], true, 1]);
    assert.equal((await httpCall(server, 'root', 'admin.reports.remove', { report: first.report }, admin)).value!.removed, true);
    assert.equal((await list()).reports.length, 1);
    assert.equal((await httpCall(server, 'alice', 'admin.reports.list', {})).error?.code, Code.NOT_ALLOWED);
  });

  test('are only of what one was given, and of others', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob, carol] = await people(t, server, 'alice', 'bob', 'carol');
    await group([alice, bob], 'birds');
    await say(bob, 'birds', 'before');
    await done(alice, 'groups.add', { group: 'birds', users: ['carol'] });
    const { seq } = await say(bob, 'birds', 'after');
    const of = (place: bigint) => ({ conversation: 'g:birds', seq: place, reason: 'spam' });
    await refused(carol, 'reports.add', of(2n), Code.UNKNOWN_CONVERSATION);
    await done(carol, 'reports.add', of(seq));
    await refused(carol, 'reports.add', of(seq + 1n), Code.UNKNOWN_CONVERSATION);
    await refused(carol, 'reports.add', { ...of(1n), conversation: 'd:alice:bob' }, Code.UNKNOWN_CONVERSATION);
    await refused(bob, 'reports.add', of(seq), Code.MALFORMED);
    await refused(bob, 'reports.add', of(1n), Code.MALFORMED);
    await refused(bob, 'reports.add', { user: 'bob', reason: 'me' }, Code.MALFORMED);
    await refused(bob, 'reports.add', { user: 'nobody', reason: 'who' }, Code.UNKNOWN_USER);
    assert.equal((await httpCall(server, 'nobody', 'reports.add', { user: 'alice', reason: 'x' })).error?.code, Code.UNKNOWN_USER);
    await refused(bob, 'reports.add', { user: 'alice', reason: ' ' }, Code.MALFORMED);
    await refused(bob, 'reports.add', { reason: 'nothing' }, Code.MALFORMED);
    await refused(bob, 'reports.add', { ...of(1n), user: 'alice' }, Code.MALFORMED);
  });

  test('reportReasonBytes, reportsADay, reportsPage and reportDays', async (t) => {
    const server = await startGodwit(t);
    const [alice] = await people(t, server, 'alice', 'mallory');
    server.clock.stop();
    const most = limits.reportReasonBytes.value;
    await refused(alice, 'reports.add', { user: 'mallory', reason: `${'ä'.repeat(most / 2)}x` }, Code.TOO_LARGE);
    for (let i = 0; i < limits.reportsADay.value; i++) await done(alice, 'reports.add', { user: 'mallory', reason: 'ä'.repeat(most / 2) });
    await refused(alice, 'reports.add', { user: 'mallory', reason: 'one more' }, Code.RATE_LIMITED);
    const { reports } = server.godwit.storage;
    for (let i = 0; i < limits.reportsPage.value; i++) await reports.add({ report: `0${i}`, atMs: server.now(), by: 'bob', user: 'mallory', conversation: '', seq: 0, reason: 'x' }, 0);
    const { value } = await httpCall(server, 'root', 'admin.reports.list', { limit: 1_000 }, admin);
    assert.deepEqual([value!.reports.length, value!.more], [limits.reportsPage.value, true]);
    server.clock.advance(limits.reportDays.value * 86_400_000 + 1);
    const again = await Device.connect(t, server, 'alice:laptop');
    const { report } = await done(again, 'reports.add', { user: 'mallory', reason: 'later' });
    const kept = await reports.list('', 1_000);
    assert.ok(kept.length < limits.reportsPage.value + limits.reportsADay.value && kept.some((it) => it.report === report), 'old ones go as new ones come');
  });
});
