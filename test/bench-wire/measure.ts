import type { Scope } from '../support/folder.js';
import { secret, type Contender } from './contenders.js';
import type { Device } from './devices.js';
import type { Counted } from './packets.js';
import { CountingProxy, type Traffic } from './proxy.js';

/** What a row says of a contender. */
export interface Measured {
  /** The number that the aim is about: bytes of MQTT, or round trips. */
  readonly value: number;
  /** Bytes of WebSocket frames that come on top. */
  readonly framing: number;
  /** Of which packets that is. */
  readonly packets: readonly Counted[];
  /** What a reader must know. */
  readonly note?: string;
}

/** 20 bytes. */
const text = 'see you there at ten';
const waiting = 100;
/** One way; far above the time that either side takes to answer. */
const latencyMs = 100;
/** Nothing more will come. */
const quietMs = 600;

const alice = { user: 'alice001', device: 'phone001', secret };
const bob = { user: 'bob00001', device: 'phone001', secret };

/** alice and bob, each behind a proxy of their own, connected and acquainted. */
export class Pair {
  #connections = 1;
  #sent = 0;

  private constructor(
    readonly alice: Device,
    readonly bob: Device,
    private readonly alices: CountingProxy,
    private readonly bobs: CountingProxy,
  ) {}

  static async connect(scope: Scope, contender: Contender): Promise<Pair> {
    const port = await contender.start(scope);
    const side = async (account: typeof alice): Promise<[Device, CountingProxy]> => {
      const proxy = await CountingProxy.start({ port, webSocket: contender.webSocket });
      scope.after(() => proxy.stop());
      const device = await contender.device(account, proxy.port);
      scope.after(() => device.close());
      await device.connected(1);
      return [device, proxy];
    };
    const [bobsDevice, bobs] = await side(bob);
    const [alicesDevice, alices] = await side(alice);
    const pair = new Pair(alicesDevice, bobsDevice, alices, bobs);
    // The first message of a conversation says where it starts: not what this is about.
    await pair.text();
    return pair;
  }

  /** bob's connection breaks and comes back, with nothing new for him. */
  async reconnect(): Promise<{ trips: Measured; bytes: Measured }> {
    this.bobs.take();
    this.bobs.latencyMs = latencyMs;
    this.bobs.cut();
    await this.bob.connected(++this.#connections);
    await this.bobs.quiet(quietMs);
    this.bobs.latencyMs = 0;
    const traffic = undisturbed(this.bobs.take(), 1);
    return { trips: trips(traffic), bytes: bytes(traffic, 0) };
  }

  /** alice writes one text to bob. */
  async text(): Promise<{ sender: Measured; receiver: Measured }> {
    this.#takeBoth();
    await this.alice.sendAndWait(bob.user, text);
    await this.bob.received(++this.#sent);
    await this.#bothQuiet();
    const [sender, receiver] = this.#takeBoth();
    return { sender: bytes(undisturbed(sender, 0), text.length), receiver: bytes(undisturbed(receiver, 0), text.length) };
  }

  /** bob comes back to a hundred texts: round trips until the server knows that he has them. */
  async backlog(): Promise<Measured> {
    this.bobs.shut = true;
    this.bobs.cut();
    await Promise.all(Array.from({ length: waiting }, () => this.alice.send(bob.user, text)));
    await this.alices.quiet(quietMs);
    this.bobs.take();
    this.bobs.latencyMs = latencyMs;
    this.bobs.shut = false;
    await this.bob.received((this.#sent += waiting));
    this.#connections++;
    await this.bobs.quiet(quietMs);
    this.bobs.latencyMs = 0;
    await this.#bothQuiet();
    return trips(undisturbed(this.bobs.take(), 1));
  }

  /** A minute in which bob's app is out of sight. */
  async minute(): Promise<Measured> {
    const told = await this.bob.background();
    await this.#bothQuiet();
    this.bobs.take();
    await new Promise((resolve) => setTimeout(resolve, 60_000));
    return { ...bytes(undisturbed(this.bobs.take(), 0), 0), ...(!told && { note: 'idle' }) };
  }

  #takeBoth(): [Traffic, Traffic] {
    return [this.alices.take(), this.bobs.take()];
  }

  async #bothQuiet(): Promise<void> {
    await Promise.all([this.alices.quiet(quietMs), this.bobs.quiet(quietMs)]);
  }
}

/** @throws Error when connections broke that should not have: then it is not this row that was measured. */
export function undisturbed(traffic: Traffic, connections: number): Traffic {
  if (traffic.connections !== connections) throw new Error(`${traffic.connections} connections were opened where ${connections} should have been: a connection or its server broke`);
  return traffic;
}

function bytes({ packets, framing }: Traffic, body: number): Measured {
  return { value: packets.reduce((sum, packet) => sum + packet.bytes, -body), framing, packets };
}

function trips({ packets }: Traffic): Measured {
  return { value: Math.max(0, ...packets.map(({ trip }) => trip)), framing: 0, packets };
}
