import type { TestContext } from 'node:test';
import type { Client, ClientOptions, Store } from 'godwit-client';
import { AuthRenewRequestSchema, AuthRenewResponseSchema, create, createUlid, ContentSchema, fromBinary, SealedSchema, toBinary } from 'godwit-schemas';
import type { FakeBroker } from './fake-broker.js';
import { FakeTime } from './fake-time.js';
import { scene, texts, type Scene } from './fixtures.js';

export const hour = 3_600_000;
export const minute = 60_000;
/** By the server's clock, when the tests begin. */
const start = Date.UTC(2026, 0, 1);
const newId = createUlid();

/** A server, a device, and how far the clock on the device's wall is from the server's. */
export interface World {
  readonly at: Scene;
  readonly broker: FakeBroker;
  readonly time: FakeTime;
  serverMs(): number;
  /** Local minus server's clock. */
  wrongBy: number;
  /** The server's time does not stand still while the device's monotonic clock does. */
  slept: number;
  readonly renewed: string[];
  client(options?: Partial<ClientOptions>): Promise<Client>;
}

export function world(t: TestContext, wrongBy: number, run: (world: World) => Promise<void>): Promise<void> {
  return scene(async (at) => {
    const broker = await at.broker();
    const time = new FakeTime(t);
    const renewed: string[] = [];
    const here: World = {
      ...{ at, broker, time, wrongBy, renewed, slept: 0 },
      serverMs: () => start + time.nowMs + here.slept,
      client: (options) => at.client(broker, 'alice', { now: () => here.serverMs() + here.wrongBy, ...options }),
    };
    broker.log.now = () => here.serverMs();
    broker.onCall = (method, params) => {
      if (method === 'auth.renew') renewed.push(fromBinary(AuthRenewRequestSchema, params).token);
      return { value: method === 'auth.renew' ? toBinary(AuthRenewResponseSchema, create(AuthRenewResponseSchema, { serverTimeMs: BigInt(here.serverMs()) })) : new Uint8Array(0) };
    };
    try {
      await run(here);
    } finally {
      t.mock.reset();
      t.mock.timers.reset();
    }
  })();
}

export function say({ broker }: World, text: string, expiresInS: number): void {
  const payload = toBinary(ContentSchema, create(ContentSchema, { kind: { case: 'text', value: { text } } }));
  broker.say('bob', 'alice', { id: newId(), body: toBinary(SealedSchema, create(SealedSchema, { payload })), expiresInS });
}

export const kept = async (store: Store): Promise<number> => (await store.range({ from: 'm/', before: 'm0' })).length;
export const shown = async (client: Client): Promise<(string | undefined)[]> => texts((await client.messages('bob')) as Parameters<typeof texts>[0]);
export const off = ({ serverMs }: World, client: Client): number => Math.abs(client.serverTimeMs() - serverMs());
