import assert from 'node:assert/strict';
import { createWebSocketStream, WebSocket } from 'ws';
import { bodyOf, checkPlaces } from '../support/deliveries.js';
import type { Address } from '../support/address.js';
import type { Scope } from '../support/folder.js';
import { Wire } from '../support/wire.js';

/** Between two exchanges; a pair that never rests would take the processor from the others. */
const PAUSE_MS = 10;

/** Two who want to talk while others misbehave: alice by TCP, bob by WebSocket. */
export class Pair {
  exchanges = 0;
  private ending = false;
  private talking: Promise<void> | undefined;

  private constructor(private readonly alice: Wire, private readonly bob: Wire) {}

  static async connect(t: Scope, address: Address, secure = false): Promise<Pair> {
    const socket = new WebSocket(`${secure ? 'wss' : 'ws'}://127.0.0.1:${address.httpPort}/mqtt`, 'mqtt', { rejectUnauthorized: false });
    const bob = Wire.over(t, createWebSocketStream(socket), 'bob:phone');
    await bob.login(address, 'bob:phone');
    const alice = await Wire.connect(t, address, 'alice:phone');
    await alice.subscribe('u/alice/#');
    await bob.subscribe('u/bob/#');
    return new Pair(alice, bob);
  }

  /** They talk until `stop`; rejects when they cannot. */
  start(): void {
    this.talking = this.talk();
    // Whoever waits for the pair hears of it; nobody else has to.
    this.talking.catch(() => undefined);
  }

  /** Resolves when they have exchanged something that they had not begun before. */
  async exchanged(): Promise<void> {
    const enough = this.exchanges + 2;
    while (this.exchanges < enough) await Promise.race([this.talking, new Promise((resolve) => setTimeout(resolve, PAUSE_MS))]);
  }

  /** They stop, and everything that either got is checked: each message once, in order. */
  async stop(): Promise<void> {
    this.ending = true;
    await this.talking;
    const sent = Array.from({ length: this.exchanges }, (_, i) => String(i));
    for (const one of [this.alice, this.bob]) {
      const got = one.got('msg');
      assert.deepEqual(got.map(bodyOf), sent, 'each message once, in order');
      checkPlaces(got);
    }
  }

  private async talk(): Promise<void> {
    while (!this.ending) {
      await this.exchange(String(this.exchanges));
      this.exchanges++;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  private async exchange(body: string): Promise<void> {
    const { alice, bob } = this;
    const [heardAlice, heardBob] = [alice.packets.all.length, bob.packets.all.length];
    const arrived = bob.next('msg', `"${body}" of alice`, (it) => bodyOf(it) === body, heardBob);
    // Each kind of packet that takes a way of its own through the server has its turn.
    if (this.exchanges % 3 === 0) await this.sendAtQos2(body, heardAlice);
    else await alice.puback(alice.message('bob', body), heardAlice);
    await arrived;
    const back = alice.next('msg', `"${body}" of bob`, (it) => bodyOf(it) === body, heardAlice);
    await bob.puback(bob.message('alice', body), heardBob);
    await back;
    if (this.exchanges % 5 === 0) assert.deepEqual(await alice.subscribe(['presence/bob', 'u/bob/#']), [1, 0x80]);
    if (this.exchanges % 7 === 0) await bob.pong();
  }

  private async sendAtQos2(body: string, from: number): Promise<void> {
    const { alice } = this;
    const messageId = alice.message('bob', body, {}, { qos: 2 });
    await alice.packets.wait('the PUBREC', (it) => it.cmd === 'pubrec' && it.messageId === messageId, from);
    alice.send({ cmd: 'pubrel', messageId });
    await alice.packets.wait('the PUBCOMP', (it) => it.cmd === 'pubcomp' && it.messageId === messageId, from);
  }
}
