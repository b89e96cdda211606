import type { TestContext } from 'node:test';
import { createClient, memoryStore, type Client, type ClientOptions, type ConnectionState, type NetworkHints, type State } from 'godwit-client';
import { fromBinary, PresenceSchema } from 'godwit-schemas';
import { FakeNet } from './fake-net.js';
import { FakeTime } from './fake-time.js';
import { fakeToken, Recorder } from './fixtures.js';

/** A platform that says what it is told to. */
export class Hints implements NetworkHints {
  online: boolean | undefined = true;
  readonly listeners = new Set<(online: boolean) => void>();

  listen(listener: (online: boolean) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  say(online: boolean): void {
    this.online = online;
    for (const listener of this.listeners) listener(online);
  }
}

export interface Stage {
  readonly time: FakeTime;
  readonly net: FakeNet;
  readonly hints: Hints;
  readonly alice: Client;
  readonly heard: Recorder<'connection'>;
}

/** alice, with the timing that is the default, in a time and a network of the test's own. */
export async function stage(t: TestContext, options: Partial<ClientOptions>, run: (at: Stage) => Promise<void>): Promise<void> {
  const [time, net, hints] = [new FakeTime(t), new FakeNet(), new Hints()];
  const alice = await createClient({
    ...{ url: 'ws://nowhere/mqtt', user: 'alice', device: 'phone', token: fakeToken({ sub: 'alice' }) },
    ...{ store: memoryStore(), transport: net.transport, network: hints, ...options },
  });
  const heard = new Recorder(alice, 'connection');
  try {
    await run({ time, net, hints, alice, heard });
  } finally {
    const closed = alice.close();
    await time.pass(2_000);
    await closed;
  }
}

export const statesOf = ({ heard }: Stage): ConnectionState[] => heard.events.map(({ state }) => state);
export const presences = ({ net }: Stage): State[] => net.publishes('presence/alice').map(({ payload }) => fromBinary(PresenceSchema, payload as Buffer).state);
/** Jitter is nearly the whole of the bound. */
export const random = (bytes: Uint8Array): Uint8Array => bytes.fill(255);
