import { createClient, memoryStore, mqttTransport, webSocketTransport, type Client, type ClientOptions } from 'godwit-client';
import mqtt, { type MqttClient } from 'mqtt';
import { WebSocket } from 'ws';
import { makeToken } from '../../plugins/auth/token.js';

/** A client under measurement. It connects again by itself as soon as its connection breaks. */
export interface Device {
  /** Resolves when it is connected for the nth time. */
  connected(nth: number): Promise<void>;
  /** Resolves when it knows that the server has the text. */
  send(to: string, text: string): Promise<void>;
  /** Resolves when it knows as much of it as it will. */
  sendAndWait(to: string, text: string): Promise<void>;
  /** Resolves when so many texts have arrived since the start. */
  received(count: number): Promise<void>;
  /** Its app goes out of sight; true: it can be told so. */
  background(): Promise<boolean>;
  close(): Promise<void>;
}

export interface Account {
  readonly user: string;
  readonly device: string;
  readonly secret: string;
}

const tokenOf = ({ user, secret }: Account): string => makeToken({ secret, user, days: 1, nowMs: Date.now() });
const keepaliveS = 30;

/** Counts something, and wakes who waits for a number of it. */
class Count {
  #reached = 0;
  #waiting: { at: number; wake: () => void }[] = [];

  add(): void {
    this.#reached++;
    for (const { at, wake } of this.#waiting) if (at <= this.#reached) wake();
    this.#waiting = this.#waiting.filter(({ at }) => at > this.#reached);
  }

  until(at: number): Promise<void> {
    return at <= this.#reached ? Promise.resolve() : new Promise((wake) => this.#waiting.push({ at, wake }));
  }
}

/** The SDK, on mqtt.js over TCP or on the slim transport over WebSocket. */
export async function sdkDevice(account: Account, port: number, webSocket: boolean): Promise<Device> {
  const options: ClientOptions = {
    url: webSocket ? `ws://127.0.0.1:${port}/mqtt` : `mqtt://127.0.0.1:${port}`,
    transport: webSocket ? webSocketTransport({ WebSocket: WebSocket as never }) : mqttTransport(),
    token: tokenOf(account),
    device: account.device,
    store: memoryStore(),
    timing: { backoffMinMs: 10, backoffMaxMs: 50, keepaliveS },
  };
  const client = await createClient(options);
  const connections = new Count();
  const messages = new Count();
  client.on('connection', ({ state }) => state === 'connected' && connections.add());
  client.on('message', () => messages.add());
  void client.connect();
  return {
    connected: (nth) => connections.until(nth),
    send: async (to, text) => void (await client.send(to, text).until('sent')),
    sendAndWait: async (to, text) => void (await client.send(to, text).until('delivered')),
    received: (count) => messages.until(count),
    background: () => background(client),
    close: () => client.close(),
  };
}

/** Versions of the SDK that know of it are told that the app is out of sight. */
async function background(client: Client): Promise<boolean> {
  const able = client as { background?: () => unknown };
  await able.background?.();
  return able.background !== undefined;
}

/** mqtt.js as it is, for a broker that knows nothing of Godwit: a topic for each receiver, and the text is the payload. */
export async function plainDevice(account: Account, port: number): Promise<Device> {
  const client: MqttClient = mqtt.connect(`mqtt://127.0.0.1:${port}`, {
    clientId: `${account.user}:${account.device}`,
    username: account.user,
    password: tokenOf(account),
    clean: false,
    resubscribe: false,
    reconnectPeriod: 20,
    keepalive: keepaliveS,
  });
  const connections = new Count();
  const messages = new Count();
  // A connection that is cut is one that is made again.
  client.on('error', () => {});
  client.on('message', () => messages.add());
  await new Promise((resolve) => client.once('connect', resolve));
  await client.subscribeAsync(topicOf(account.user), { qos: 1 });
  connections.add();
  client.on('connect', () => connections.add());
  const send = async (to: string, text: string): Promise<void> => void (await client.publishAsync(topicOf(to), text, { qos: 1 }));
  return {
    connected: (nth) => connections.until(nth),
    send,
    sendAndWait: send,
    received: (count) => messages.until(count),
    background: async () => false,
    close: () => client.endAsync(true),
  };
}

const topicOf = (user: string): string => `to/${user}`;
