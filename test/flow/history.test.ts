import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, limits, type MessageInitShape, type methods } from 'godwit-schemas';
import { EntryState } from '../../broker/ports/conversation-log.js';
import { tokenFor } from '../support/address.js';
import { newId } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import { startGodwit } from '../support/godwit.js';
import { done, group, people, refused, say } from '../support/groups.js';
import { checkRuns, pages, told } from '../support/history.js';
import { httpCall } from '../support/http.js';

const conversation = 'd:alice:bob';
const numbers = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, i) => `${from + i} ${from + i}`);

async function page(device: Device, params: MessageInitShape<(typeof methods)['history.list']['request']>): Promise<{ lines: string[]; more: boolean }> {
  const { messages, more } = await done(device, 'history.list', params);
  checkRuns(messages);
  return { lines: told(messages), more };
}

describe('the history of a conversation', () => {
  test('is paged from its newest place back, or from any place either way', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob] = await people(t, server, 'alice', 'bob');
    for (let i = 1; i <= 150; i++) await (i % 3 === 0 ? bob.send('alice', `${i}`) : alice.send('bob', `${i}`));
    for (const restarts of [false, true]) {
      if (restarts) await server.restart();
      const device = restarts ? await Device.connect(t, server, 'bob:phone') : bob;
      assert.deepEqual(await page(device, { conversation, limit: 3 }), { lines: numbers(148, 150), more: true });
      assert.deepEqual(await page(device, { conversation, before: 148n, limit: 100 }), { lines: numbers(48, 147), more: true });
      assert.deepEqual(await page(device, { conversation, before: 3n, limit: 100 }), { lines: numbers(1, 2), more: false });
      assert.deepEqual(await page(device, { conversation, after: 0n, limit: 2 }), { lines: numbers(1, 2), more: true });
      assert.deepEqual(await page(device, { conversation, after: 147n, limit: 3 }), { lines: numbers(148, 150), more: false });
      assert.deepEqual(await page(device, { conversation, after: 150n }), { lines: [], more: false });
      assert.deepEqual(await page(device, { conversation, after: 2n ** 63n }), { lines: [], more: false });
      assert.deepEqual(await page(device, { conversation, before: 2n ** 63n, limit: 1 }), { lines: numbers(150, 150), more: true });
      assert.deepEqual(await page(device, { conversation, before: 1n }), { lines: [], more: false });
      for (const direction of ['back', 'on'] as const) assert.deepEqual(told(await pages(device, conversation, 64, direction)), numbers(1, 150), direction);
    }
    const second = await Device.connect(t, server, 'bob:tablet');
    await refused(second, 'history.list', { conversation, before: 1n, after: 1n }, Code.MALFORMED);
    await refused(second, 'history.list', { conversation: 'd:bob:alice' }, Code.MALFORMED);
  });

  test('gives each message as it was delivered, to each device its own body; in JSON too', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob] = await people(t, server, 'alice', 'bob');
    await alice.send('bob', 'for all', { deviceBodies: { 'bob:phone': Buffer.from('for the phone'), 'bob:tablet': Buffer.from('for the tablet') }, preview: Buffer.from('never') });
    const { value: delivered } = await bob.message('for the phone');
    const { messages } = await done(bob, 'history.list', { conversation });
    assert.deepEqual(messages, [{ ...delivered, after: 0n }]);
    const tablet = await Device.connect(t, server, 'bob:tablet');
    assert.deepEqual((await page(tablet, { conversation })).lines, ['1 for the tablet']);
    const asked = async (device?: string) => told((await httpCall(server, 'bob', 'history.list', { conversation }, device ? { device } : {})).value!.messages);
    assert.deepEqual([await asked(), await asked('phone')], [['1 for all'], ['1 for the phone']]);
    const authorization = `Bearer ${tokenFor(server, 'bob')}`;
    const json = await fetch(`http://127.0.0.1:${server.httpPort}/v1/history.list`, { method: 'POST', headers: { authorization, 'content-type': 'application/json' }, body: JSON.stringify({ conversation }) });
    const [shown] = ((await json.json()) as { messages: Record<string, unknown>[] }).messages;
    assert.deepEqual([shown.from, shown.seq, shown.body], ['alice', '1', Buffer.from('for all').toString('base64')]);
  });

  test('tells what is not given any more as gaps, as the deliveries do', async (t) => {
    const server = await startGodwit(t);
    const [alice] = await people(t, server, 'alice', 'bob');
    const { log } = server.godwit.storage;
    for (let i = 1; i <= 12; i++) await alice.send('bob', `${i}`, i === 5 || i === 6 ? { expiresInS: 30 } : {});
    await log.trim(conversation, 2);
    await log.erase(conversation, 8, EntryState.Erased);
    await log.erase(conversation, 9, EntryState.Erased);
    await log.beginTerm();
    await alice.send('bob', '13');
    const lost = 2 ** 32;
    server.clock.advance(30_000);
    const bob = await Device.connect(t, server, 'bob:tablet');
    const all = ['1-2 TRIMMED', '3 3', '4 4', '5-6 EXPIRED', '7 7', '8-9 ERASED', '10 10', '11 11', '12 12', `13-${12 + lost} LOST`, `${13 + lost} 13`];
    assert.deepEqual(await page(bob, { conversation }), { lines: all, more: false });
    assert.deepEqual(await page(bob, { conversation, after: 4n, limit: 2 }), { lines: all.slice(3, 5), more: true });
    assert.deepEqual(await page(bob, { conversation, before: 9n, limit: 2 }), { lines: ['7 7', '8-8 ERASED'], more: true });
    for (const limit of [1, 2, 5, 200]) for (const direction of ['back', 'on'] as const) assert.deepEqual(told(await pages(bob, conversation, limit, direction)), all, `${limit} ${direction}`);
  });

  test('historyPage and historyPageBytes end a page; a long run of gone places does not hold the server up', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob] = await people(t, server, 'alice', 'bob');
    const large = 'x'.repeat(60_000);
    for (let i = 1; i <= 10; i++) await alice.send('bob', large);
    const back = await done(bob, 'history.list', { conversation });
    const most = Math.floor(limits.historyPageBytes.value / 60_000);
    assert.deepEqual([back.messages.map(({ seq }) => Number(seq)), back.more], [[7, 8, 9, 10], true]);
    assert.equal(back.messages.length, most);
    assert.deepEqual((await done(bob, 'history.list', { conversation, after: 0n })).messages.map(({ seq }) => Number(seq)), [1, 2, 3, 4]);
    const sent = Array.from({ length: 2_100 }, (_, i) => alice.send('bob', `${11 + i}`, { expiresInS: i < 2_000 ? 10 : 0 }));
    await Promise.all(sent);
    assert.equal((await done(bob, 'history.list', { conversation, limit: 1_000 })).messages.length, limits.historyPage.value);
    server.clock.advance(10_000);
    const first = await page(bob, { conversation });
    assert.deepEqual([first.lines.length, first.more], [101, true]);
    assert.match(first.lines[0], /^\d+-2010 EXPIRED$/);
    const whole = told(await pages(bob, conversation, 200, 'back'));
    assert.match(whole[10], /^11-\d+ EXPIRED$/);
    assert.equal(whole.at(-1), '2110 2110');
  });
});

test('a call that only reads is done again when it is repeated, and takes no room from the answers that are remembered', async (t) => {
  const server = await startGodwit(t);
  const [alice] = await people(t, server, 'alice', 'bob');
  await alice.send('bob', '1');
  const callId = newId();
  const asked = async (): Promise<string[]> => told((await alice.call('history.list', { conversation }, callId)).value!.messages);
  assert.deepEqual(await asked(), ['1 1']);
  await alice.send('bob', '2');
  assert.deepEqual(await asked(), ['1 1', '2 2']);
});

describe('the history of a group', () => {
  test('is given within the times that one is in it, and told of as little else as deliveries do', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob, carol, eve] = await people(t, server, 'alice', 'bob', 'carol', 'eve');
    await group([alice, bob], 'birds');
    const birds = { conversation: 'g:birds' };
    await say(alice, 'birds', 'before'); // 2
    await refused(carol, 'history.list', birds, Code.UNKNOWN_CONVERSATION);
    await done(alice, 'groups.add', { group: 'birds', users: ['carol'] }); // 3
    await say(alice, 'birds', 'with'); // 4
    await done(alice, 'groups.remove', { group: 'birds', users: ['carol'] }); // 5
    await say(alice, 'birds', 'without'); // 6
    await say(bob, 'birds', 'her'); // 7
    const had = ['3 change', '4 with', '5 change'];
    assert.deepEqual(await page(carol, birds), { lines: had, more: false });
    assert.deepEqual(await page(carol, { ...birds, after: 0n }), { lines: had, more: false });
    assert.deepEqual(await page(carol, { ...birds, before: 100n, limit: 1 }), { lines: ['5 change'], more: true });
    assert.deepEqual(await page(carol, { ...birds, after: 5n }), { lines: [], more: false });
    assert.deepEqual(await page(carol, { ...birds, before: 3n }), { lines: [], more: false });
    await done(alice, 'groups.add', { group: 'birds', users: ['carol'] }); // 8
    await say(alice, 'birds', 'again'); // 9
    const all = [...had, '6-7 NOT_MEMBER', '8 change', '9 again'];
    for (const limit of [1, 3, 200]) for (const direction of ['back', 'on'] as const) assert.deepEqual(told(await pages(carol, 'g:birds', limit, direction)), all);
    assert.deepEqual(await page(carol, { ...birds, before: 7n, limit: 1 }), { lines: ['6-6 NOT_MEMBER'], more: true });
    for (const name of ['g:birds', 'd:alice:bob', 'g:nothing', 'u:alice', 'd:alice:alice']) await refused(eve, 'history.list', { conversation: name }, Code.UNKNOWN_CONVERSATION);
    assert.deepEqual((await page(bob, birds)).lines.length, 9);
  });
});
