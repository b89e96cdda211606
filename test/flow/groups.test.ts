import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, publishTopics, type Result } from 'godwit-schemas';
import { checkPlaces, encodeMessage, newId } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import { startGodwit } from '../support/godwit.js';
import { done, group, people, refused, roles, say, story } from '../support/groups.js';

describe('a group', () => {
  test('its messages reach every member, online or not, in one order with its changes; each place once', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob, carol] = await people(t, server, 'alice', 'bob', 'carol');
    await carol.leave();
    const made = await group([alice, bob, carol], 'birds');
    assert.deepEqual([made.revision, roles(made)], [1n, { alice: 'CREATOR', bob: 'MEMBER', carol: 'MEMBER' }]);
    const first = await say(alice, 'birds', 'one');
    assert.deepEqual([first.code, first.seq], [Code.OK, 2n]);
    await say(bob, 'birds', 'two');
    await done(alice, 'groups.update', { group: 'birds', name: 'Waders' });
    await say(alice, 'birds', 'three');
    await Promise.all([alice, bob].map((device) => device.settled()));
    assert.deepEqual(story(bob, 'birds'), ['CREATED alice,bob,carol', 'one', 'UPDATED', 'three']);
    assert.deepEqual(story(alice, 'birds'), ['CREATED alice,bob,carol', 'two', 'UPDATED']);
    const back = await Device.connect(t, server, 'carol:phone');
    await back.message('three');
    assert.deepEqual(story(back, 'birds'), ['CREATED alice,bob,carol', 'one', 'two', 'UPDATED', 'three']);
    for (const device of [alice, bob, back]) checkPlaces(device.got('msg'));
  });

  test('who joins sees it from there on, who is removed up to there, who comes again has a hole', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob, carol] = await people(t, server, 'alice', 'bob', 'carol');
    await group([alice, bob], 'birds');
    await say(alice, 'birds', 'before carol');
    await done(alice, 'groups.add', { group: 'birds', users: ['carol'] });
    await say(alice, 'birds', 'with carol');
    await carol.message('with carol');
    await done(alice, 'groups.remove', { group: 'birds', users: ['carol'] });
    await say(alice, 'birds', 'without carol');
    await carol.settled();
    assert.deepEqual(story(carol, 'birds'), ['ADDED carol', 'with carol', 'REMOVED carol']);
    const late = await say(carol, 'birds', 'am I here?');
    assert.equal(late.code, Code.UNKNOWN_CONVERSATION);
    await done(bob, 'groups.add', { group: 'birds', users: ['carol'] });
    await say(bob, 'birds', 'with carol again');
    await carol.message('with carol again');
    assert.deepEqual(story(carol, 'birds'), ['ADDED carol', 'with carol', 'REMOVED carol', 'gap 6-6 NOT_MEMBER', 'ADDED carol', 'with carol again']);
    checkPlaces(carol.got('msg'));
    await carol.settled();
    await carol.leave();
    const second = await Device.connect(t, server, 'carol:tablet');
    await second.settled();
    assert.deepEqual(story(second, 'birds'), [], 'a second device starts where the first one is');
  });

  test('what was written in time, and is sent again after the removal, gets the answer of the first time; nothing new is taken', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob] = await people(t, server, 'alice', 'bob');
    await group([alice, bob], 'birds');
    const id = newId();
    const publish = (body: string, own: Uint8Array): Promise<Result> => bob.publish(publishTopics.group('birds'), encodeMessage(body, { id: own }), own);
    const first = await publish('in time', id);
    await done(alice, 'groups.remove', { group: 'birds', users: ['bob'] });
    const again = await publish('in time', id);
    assert.deepEqual([again.code, again.seq], [Code.OK, first.seq]);
    assert.equal((await publish('too late', newId())).code, Code.UNKNOWN_CONVERSATION);
    await refused(bob, 'messages.send', { group: 'birds', message: { body: Buffer.from('too late') } }, Code.UNKNOWN_CONVERSATION);
    await alice.settled();
    assert.deepEqual(story(alice, 'birds'), ['CREATED alice,bob', 'in time', 'REMOVED bob']);
  });

  test('who was offline when they were removed is given what came before, told, and given nothing after', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob] = await people(t, server, 'alice', 'bob');
    await group([alice, bob], 'birds');
    await bob.leave();
    await say(alice, 'birds', 'one');
    await done(alice, 'groups.remove', { group: 'birds', users: ['bob'] });
    await say(alice, 'birds', 'two');
    await server.restart();
    const back = await Device.connect(t, server, 'bob:phone');
    await back.settled();
    assert.deepEqual(story(back, 'birds').slice(-2), ['one', 'REMOVED bob']);
    assert.ok(!back.bodies.includes('two'));
    await back.leave();
    const again = await Device.connect(t, server, 'bob:phone');
    await again.settled();
    assert.deepEqual(story(again, 'birds'), []);
  });

  test('its ticks: delivered and read when all others have it; who joined later or left is not waited for', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob, carol, dave] = await people(t, server, 'alice', 'bob', 'carol', 'dave');
    await Promise.all([carol, dave].map((device) => device.settled()));
    await group([alice, bob, carol], 'birds');
    await Promise.all([bob, carol].map((device) => device.settled()));
    await carol.leave();
    const { seq } = await say(alice, 'birds', 'hello');
    await bob.message('hello');
    await bob.read('g:birds', seq);
    await bob.settled();
    await alice.settled();
    const told = (device: Device, what: 'delivered' | 'read') => device.got('receipt').filter(({ value }) => value.conversation === 'g:birds' && value[what] >= seq);
    assert.equal(told(alice, 'delivered').length, 0, 'carol has not got it');
    const back = await Device.connect(t, server, 'carol:phone');
    await back.message('hello');
    await alice.next('receipt', 'that all have it', ({ value }) => value.delivered >= seq);
    assert.equal(told(alice, 'read').length, 0);
    await done(alice, 'groups.add', { group: 'birds', users: ['dave'] });
    await back.read('g:birds', seq);
    await alice.next('receipt', 'that all have read it', ({ value }) => value.read >= seq);
    assert.deepEqual(told(bob, 'delivered'), [], 'only its author is told');
    await back.leave();
    const second = await say(alice, 'birds', 'once more');
    await Promise.all([bob, dave].map((device) => device.message('once more')));
    await done(alice, 'groups.remove', { group: 'birds', users: ['carol'] });
    await alice.next('receipt', 'that nobody waits for carol', ({ value }) => value.delivered >= second.seq);
  });

  test('nobody else reads, writes, types or asks', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob, eve] = await people(t, server, 'alice', 'bob', 'eve');
    await group([alice, bob], 'birds');
    assert.equal((await say(eve, 'birds', 'hi')).code, Code.UNKNOWN_CONVERSATION);
    assert.equal((await say(eve, 'nothing', 'hi')).code, Code.UNKNOWN_CONVERSATION, 'and is not told which groups there are');
    assert.equal((await eve.publish('read/g:birds', '\x08\x01')).code, Code.UNKNOWN_CONVERSATION);
    assert.equal((await eve.publish('typing/g:birds', '')).code, Code.NOT_ALLOWED);
    for (const method of ['groups.get', 'groups.leave', 'groups.delete', 'groups.invite', 'groups.invitations'] as const) await refused(eve, method, { group: 'birds' }, Code.UNKNOWN_CONVERSATION);
    await refused(eve, 'groups.add', { group: 'birds', users: ['eve'] }, Code.UNKNOWN_CONVERSATION);
    await refused(eve, 'groups.remove', { group: 'birds', users: ['bob'] }, Code.UNKNOWN_CONVERSATION);
    await eve.settled();
    assert.deepEqual(story(eve, 'birds'), []);
    assert.deepEqual((await done(eve, 'groups.list', {})).groups, []);
  });

  test('typing is told to the others who are connected', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob, carol] = await people(t, server, 'alice', 'bob', 'carol');
    await group([alice, bob, carol], 'birds');
    await alice.client.publishAsync('typing/g:birds', '', { qos: 0 });
    for (const device of [bob, carol]) assert.deepEqual((await device.next('typing', 'that alice types')).value.from, 'alice');
    assert.deepEqual(alice.got('typing'), []);
  });

  test('plain devices write into it and hear it', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob] = await people(t, server, 'alice', 'bob');
    const sensor = await Device.connect(t, server, 'sensor:raw', { filters: ['u/sensor/raw/#', 'u/sensor/gap'] });
    await group([alice, bob, sensor], 'birds');
    await sensor.client.publishAsync(publishTopics.groupRaw('birds'), '21 degrees', { qos: 1 });
    assert.equal((await alice.message('21 degrees')).value.from, 'sensor');
    await say(bob, 'birds', 'thanks');
    const heard = await sensor.next('raw', "bob's message", ({ value }) => value === 'thanks');
    assert.deepEqual([heard.conversation, heard.from], ['g:birds', 'bob']);
  });

  test('a message by HTTP or call goes to all, the caller too', async (t) => {
    const server = await startGodwit(t);
    const [alice, bob] = await people(t, server, 'alice', 'bob');
    await group([alice, bob], 'birds');
    const { conversation, seq } = await done(alice, 'messages.send', { group: 'birds', message: { body: Buffer.from('from a bot') } });
    assert.deepEqual([conversation, seq], ['g:birds', 2n]);
    await Promise.all([alice, bob].map((device) => device.message('from a bot')));
    await refused(alice, 'messages.send', { group: 'birds', to: 'bob', message: {} }, Code.MALFORMED);
  });
});
