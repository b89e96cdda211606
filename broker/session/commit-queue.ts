import { Code, limits } from 'godwit-schemas';
import type { ConversationLog } from '../ports/conversation-log.js';
import type { Meters } from '../ports/meters.js';
import type { Publish } from './publish.js';

/** What the queue tells of a batch that is durable. */
export interface Committed {
  (batch: readonly Publish[]): void;
}

const MOST_IN_A_COMMIT = 8192;

/**
 * The one first-in-first-out that all publishes of this process go through. What comes while a commit is under way
 * makes the next one; refusals and resends stand in it as entries that write nothing, so every connection's PUBACKs
 * leave in the order of its publishes (MQTT-4.6.0-2).
 */
export class CommitQueue {
  private pending: Publish[] = [];
  private pendingBytes = 0;
  private committing = false;
  private broken = false;
  private startedAt = 0;
  private timer: NodeJS.Timeout | undefined;
  private idle: (() => void)[] = [];

  /**
   * @param committed called with each batch once it is durable, in order
   * @param failed the commit failed: nobody may be acknowledged, the process must end
   */
  constructor(
    private readonly log: ConversationLog,
    private readonly meters: Meters,
    private readonly schedule: () => void,
    private readonly committed: Committed,
    private readonly failed: (error: unknown) => void,
  ) {}

  /** Bytes that wait for their commit. */
  get bytes(): number {
    return this.pendingBytes;
  }

  push(publish: Publish): void {
    this.pending.push(publish);
    this.pendingBytes += publish.end - publish.start;
    this.meters.queueDepth++;
    // What waits for a commit already needs no turn of its own.
    if (!this.committing && !this.timer) this.schedule();
  }

  /** Begins a commit if something waits, none is under way, and the last one began long enough ago. */
  kick(): void {
    if (this.committing || this.timer || this.pending.length === 0) return;
    const wait = limits.commitSpacingMs.value - (performance.now() - this.startedAt);
    if (wait > 0.2) {
      this.timer = setTimeout(() => {
        this.timer = undefined;
        this.kick();
      }, wait);
      return;
    }
    this.committing = true;
    void this.commit();
  }

  /** Resolves when everything that was pushed before is settled, or when a commit failed and nothing will be. */
  drained(): Promise<void> {
    if (this.broken || (!this.committing && this.pending.length === 0)) return Promise.resolve();
    return new Promise((resolve) => this.idle.push(resolve));
  }

  private async commit(): Promise<void> {
    this.startedAt = performance.now();
    let batch = this.pending;
    if (batch.length > MOST_IN_A_COMMIT) this.pending = batch.splice(MOST_IN_A_COMMIT);
    else this.pending = [];
    const dropped = batch.some((publish) => !publish.publisher.accepting);
    const all = batch;
    if (dropped) {
      batch = all.filter((publish) => publish.publisher.accepting);
      for (const publish of all) if (!publish.publisher.accepting) publish.letGo();
    }
    const appends = batch.filter((publish) => publish.appends);
    try {
      if (appends.length > 0) await this.log.append(appends);
    } catch (error) {
      this.broken = true;
      this.rest();
      this.failed(error);
      return;
    }
    for (const publish of all) this.pendingBytes -= publish.end - publish.start;
    this.committing = false;
    this.meters.queueDepth -= all.length;
    this.committed(batch);
    if (this.pending.length > 0) this.schedule();
    else this.rest();
  }

  private rest(): void {
    const idle = this.idle;
    this.idle = [];
    for (const resolve of idle) resolve();
  }
}

/** OK or not: a batch's members may have been refused by the log itself. */
export function appended(publish: Publish): boolean {
  return publish.appends && publish.code === Code.OK && !publish.duplicate;
}
