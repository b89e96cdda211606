import assert from 'node:assert/strict';
import { join } from 'node:path';
import { before, after, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { Code, State } from 'godwit-schemas';
import type { Godwit } from '../../broker/index.js';
import { loadOrCreateSecret } from '../../broker/config.js';
import type { Address } from '../support/address.js';
import { newId } from '../support/deliveries.js';
import { Device } from '../support/device.js';
import type { Scope } from '../support/folder.js';
import { Wire } from '../support/wire.js';
import { modulesOf, typeErrors, writeModules } from './modules.js';

/** What main.js of docs/plugins.md exports. */
interface Main {
  godwit: Godwit;
  blocks: { block(user: string, other: string): void };
  frozen: Set<string>;
  calls: string[];
}

const cleaning: (() => unknown)[] = [];
const scope: Scope = { after: (clean) => cleaning.unshift(clean) };

describe('the modules of docs/plugins.md', () => {
  const modules = modulesOf('docs/plugins.md');
  let folder: string;
  let main: Main;
  let address: Address;

  before(async () => {
    folder = writeModules(scope, modules);
    main = (await import(pathToFileURL(join(folder, 'main.js')).href)) as Main;
    const { mqttPort, httpPort, config } = main.godwit;
    address = { mqttPort, httpPort, secret: loadOrCreateSecret(config.data) };
  });
  after(async () => {
    await main.godwit.stop();
    for (const clean of cleaning) await clean();
  });

  test('have right types', () => {
    assert.deepEqual([...modules.keys()], ['main.js', 'api-keys.js', 'read-only.js', 'notify.js', 'block-list.js']);
    assert.equal(typeErrors(folder, modules.keys()), '');
  });

  test('auth hook: a key lets its user in, another one nobody, and tokens go on working', async (t) => {
    await Wire.connect(t, address, 'meter7:a', { password: Buffer.from('key-3f9a') });
    await assert.rejects(Wire.connect(t, address, 'meter8:a', { username: 'meter8', password: Buffer.from('key-3f9a') }), /CONNACK 5/);
    await assert.rejects(Wire.connect(t, address, 'meter7:a', { password: Buffer.from('key-0000') }), /CONNACK 4/);
    await Device.connect(t, address, 'alice:phone');
  });

  test('before the append: a frozen user is refused, until they are not any more', async (t) => {
    await Device.connect(t, address, 'alice:phone');
    const mallory = await Device.connect(t, address, 'mallory:phone');
    const id = newId();
    const refused = await mallory.send('alice', 'hello', { id });
    assert.deepEqual([refused.code, refused.text], [Code.NOT_ALLOWED, 'this account may only read']);
    main.frozen.delete('mallory');
    assert.equal((await mallory.send('alice', 'hello', { id })).code, Code.OK);
  });

  test('after the append: called for members who are not connected, once a message', async (t) => {
    const alice = await Device.connect(t, address, 'alice:phone');
    await (await Device.connect(t, address, 'bob:phone')).leave();
    await Device.connect(t, address, 'carol:phone');
    main.calls.length = 0;
    const id = newId();
    await alice.send('bob', 'hello', { id });
    await alice.send('bob', 'hello', { id });
    await alice.send('carol', 'hello');
    assert.deepEqual(main.calls, ['bob d:alice:bob']);
  });

  test('who may reach whom: a block holds at once, also for a topic that was used before, and for presence', async (t) => {
    const dave = await Device.connect(t, address, 'dave:phone');
    const eve = await Device.connect(t, address, 'eve:phone');
    assert.equal((await eve.send('dave', 'hello')).code, Code.OK);
    main.blocks.block('dave', 'eve');
    assert.equal((await eve.send('dave', 'hello?')).code, Code.NOT_ALLOWED);
    assert.equal((await dave.send('eve', 'no')).code, Code.OK);
    await eve.subscribe('presence/dave');
    await dave.subscribe('presence/eve');
    assert.equal((await dave.next('presence', "eve's presence")).value.state, State.ONLINE);
    await eve.settled();
    assert.deepEqual(eve.got('presence'), []);
  });
});
