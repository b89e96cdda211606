import mqtt from 'mqtt-packet';
import type { EventEmitter } from 'node:events';

interface PacketParser extends EventEmitter {
  /** The CONNECT that was parsed last: how packets behind it are read depends on its protocol version. */
  settings: object;
  parse(buffer: Buffer): number;
}
type Listener = (this: unknown, packet: unknown) => void;

/** Whoever sends a CONNECT of another version is refused: all other packets are 3.1 or 3.1.1, which read alike. */
const SETTINGS = { protocolVersion: 4 };

let current: SharedParser | undefined;
let shared = create();

// mqtt-packet caches a Buffer for each of 65,536 numbers: 6 MB that nobody here needs.
(mqtt.writeToStream as unknown as { cacheNumbers: boolean }).cacheNumbers = false;

function create(): PacketParser {
  const parser = (mqtt.parser as unknown as () => PacketParser)();
  parser.on('packet', (packet: unknown) => current?.receive(packet));
  parser.on('error', (error: Error) => {
    // A parser that failed stays failed; the next connection gets a new one.
    shared = create();
    current?.fail(error);
  });
  return parser;
}

/**
 * Stands in for the parser that Aedes makes for each connection (4 KB each): the lane hands on whole frames only, so
 * no parser holds state between them, and one serves all.
 */
export class SharedParser {
  /** Packets that came before the connection was ready; Aedes empties it. */
  _queue: unknown[] | null = [];
  client: unknown;

  private constructor(private packet: Listener | undefined, private error: Listener | undefined) {}

  /** Takes the place of the client's own parser. */
  static install(client: object): void {
    const holder = client as { _parser: PacketParser | SharedParser };
    const own = holder._parser as PacketParser;
    const parser = new SharedParser(own.listeners('packet')[0] as Listener, own.listeners('error')[0] as Listener);
    parser.client = client;
    own.removeAllListeners();
    holder._parser = parser;
  }

  parse(buffer: Buffer): number {
    const outer = current;
    current = this;
    shared.settings = SETTINGS;
    try {
      return shared.parse(buffer);
    } finally {
      current = outer;
    }
  }

  receive(packet: unknown): void {
    this.packet?.call(this, packet);
  }

  fail(error: Error): void {
    this.error?.call(this, error);
  }

  emit(event: string, value: unknown): boolean {
    if (event === 'error') this.error?.call(this, value);
    return true;
  }

  removeAllListeners(): this {
    this.packet = undefined;
    return this;
  }
}
