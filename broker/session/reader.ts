import type { Reason } from 'godwit-schemas';
import type { Hole } from '../ports/conversation-log.js';
import type { DeviceCursor } from '../ports/cursors.js';
import type { Tracked } from './in-flight.js';

/** A delivery of a log's place that is not acknowledged yet. */
export interface Delivered extends Tracked {
  readonly reader: Reader;
  /** First place that it covers: a message covers its own, a gap several. */
  readonly from: number;
  readonly seq: number;
  /** Unix milliseconds of the append; 0 for a gap. */
  readonly sentAtMs: number;
  /** Of a gap. */
  readonly reason: Reason;
  acked: boolean;
}

/**
 * One device reading one conversation: how far it was read (`position`), and what of that the device has acknowledged.
 * The two differ by what is in flight.
 */
export class Reader {
  /** Everything up to here was sent, passed over, or is the device's own. */
  position = 0;
  /** The last place that was sent, and whether anything ever was: what the next delivery names in `after`. */
  sentLast = 0;
  sentStarted = false;
  /** The last place that was acknowledged. */
  last = 0;
  started = false;
  /** The log's head, as far as the reader was told. */
  target = 0;
  /** Stands in the pump's line. */
  ready = false;
  /** Its cursor or a page is being fetched. */
  loading = false;
  /** Holes of the log, when they had to be fetched. */
  holes: readonly Hole[] | undefined = undefined;
  /** The cursor moved since it was last handed to the store. */
  dirty = false;
  private queue: Delivered[] = [];
  private first = 0;

  constructor(readonly conversation: string) {}

  start(cursor: DeviceCursor | undefined): void {
    if (!cursor) return;
    this.position = cursor.position;
    this.last = this.sentLast = cursor.last;
    this.started = this.sentStarted = cursor.started;
  }

  /** Begins at a place without a cursor: a live session, or one whose log it has never seen. */
  startAt(place: number): void {
    this.position = this.last = this.sentLast = place;
  }

  get inFlight(): number {
    return this.queue.length - this.first;
  }

  /** Everything up to here is acknowledged, or needs no acknowledgement. */
  get acknowledged(): number {
    return this.inFlight > 0 ? this.queue[this.first].from - 1 : this.position;
  }

  sent(delivery: Delivered): void {
    this.queue.push(delivery);
    this.sentLast = delivery.seq;
    this.sentStarted = true;
  }

  /** Whatever is acknowledged without a hole before it moves the cursor. */
  acknowledge(delivery: Delivered): void {
    delivery.acked = true;
    const queue = this.queue;
    let first = this.first;
    while (first < queue.length && queue[first].acked) {
      this.last = queue[first].seq;
      this.started = true;
      this.dirty = true;
      first++;
    }
    this.first = first;
    if (first === queue.length) {
      queue.length = 0;
      this.first = 0;
    } else if (first > 512) {
      queue.splice(0, first);
      this.first = 0;
    }
  }

  /** What is in flight, oldest first. */
  unacknowledged(): readonly Delivered[] {
    return this.queue.slice(this.first);
  }
}
