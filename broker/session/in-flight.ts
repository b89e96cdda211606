import { limits } from 'godwit-schemas';

/** Something at QoS 1 that a device has not acknowledged. */
export interface Tracked {
  readonly packetId: number;
  readonly bytes: number;
  /** For what is not a place of a log (receipts). */
  readonly acknowledged: (() => void) | undefined;
}

/** How many packet ids are reserved at once, durably. */
const BLOCK = 8192;
const PACKET_IDS = 65_535;
/** Milliseconds until a reservation that failed is tried again. */
const AGAIN_MS = 1_000;

/**
 * A device's packet ids and the window of what is in flight. Ids count on across connections and restarts of the
 * server: a client such as mqtt.js may acknowledge on a new connection what the old one delivered.
 */
export class InFlight<T extends Tracked> {
  private readonly items = new Map<number, T>();
  /** Of places of logs alone: receipts have a bound of their own, and take no room from messages. */
  private places = 0;
  private bytes = 0;
  private reserving = false;

  /**
   * @param next count of ids given so far (not wrapped)
   * @param reserved ids below this count are reserved durably
   * @param reserve makes the reservation up to a count durable
   * @param replenished called when ids are there again after `available` was false
   */
  constructor(
    private next: number,
    private reserved: number,
    private readonly reserve: (upTo: number) => Promise<void>,
    private readonly replenished: () => void,
  ) {}

  get size(): number {
    return this.items.size;
  }

  /** There is room in the window (128 messages or 256 KiB). */
  get open(): boolean {
    return this.places < limits.windowMessages.value && this.bytes < limits.windowBytes.value;
  }

  /** An id can be given now; if not, a reservation is under way, and `replenished` is called when it is done. */
  get available(): boolean {
    if (this.next + BLOCK / 2 >= this.reserved) this.reserveMore();
    return this.next < this.reserved;
  }

  /** The next free id, 1 … 65,535. Call only if `available`. */
  takeId(): number {
    for (;;) {
      const id = (this.next++ % PACKET_IDS) + 1;
      if (!this.items.has(id)) return id;
    }
  }

  add(item: T): void {
    this.items.set(item.packetId, item);
    this.count(item, 1);
  }

  /** What this PUBACK acknowledges; undefined: nothing that we know of. */
  remove(packetId: number): T | undefined {
    const item = this.items.get(packetId);
    if (!item) return undefined;
    this.items.delete(packetId);
    this.count(item, -1);
    return item;
  }

  /** In the order in which they were sent. */
  values(): Iterable<T> {
    return this.items.values();
  }

  private count(item: T, sign: 1 | -1): void {
    if (item.acknowledged) return;
    this.places += sign;
    this.bytes += sign * item.bytes;
  }

  private reserveMore(): void {
    if (this.reserving) return;
    this.reserving = true;
    const upTo = Math.max(this.reserved, this.next) + BLOCK;
    this.reserve(upTo).then(
      () => {
        this.reserving = false;
        const waited = this.next >= this.reserved;
        this.reserved = upTo;
        if (waited) this.replenished();
      },
      () => {
        // The store is away: until it is back, nothing is delivered that would need a new id.
        setTimeout(() => {
          this.reserving = false;
          if (this.next >= this.reserved) this.replenished();
        }, AGAIN_MS).unref();
      },
    );
  }
}
