import { write, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import type { LogEntry } from './entry.js';
import { alignedStage } from './direct-io.js';
import type { StoreLimits } from './limits.js';
import type { Segment, Segments } from './segments.js';
import { Slab } from './slab.js';

/**
 * A record's header, little-endian; it begins on a block's boundary:
 *
 * | at | what |
 * |---|---|
 * | 0 | u32 magic |
 * | 4 | u32 crc32 of everything behind it, begun with the store's salt |
 * | 8 | u32 bytes of the payload |
 * | 12 | u32 0 |
 * | 16 | f64 log sequence number, rising by one |
 */
export const RECORD_HEADER = 24;
export const RECORD_MAGIC = 0x4a575447;
export const BLOCK = 4096;

/** What is written at once: whatever came while the record before it was on its way to the disk. */
export class JournalRecord<Owner> {
  end: number;
  lsn = 0;
  /** Entries in it, and for each the conversation it belongs to. */
  entries: LogEntry[] = [];
  owners: Owner[] = [];
  /** What else happens once it is durable, in order. */
  readonly then: (() => void)[] = [];
  private settled: Promise<void> | undefined;
  private resolve: (() => void) | undefined;
  private reject: ((error: Error) => void) | undefined;

  constructor(
    readonly slab: Slab<Owner>,
    readonly start: number,
  ) {
    this.end = start + RECORD_HEADER;
  }

  get done(): Promise<void> {
    this.settled ??= new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    return this.settled;
  }

  settle(error?: Error): void {
    if (error) this.reject?.(error);
    else this.resolve?.();
  }

  /** Takes over entries of the record before it, from the `from`th on: they become visible with this one. */
  take(before: JournalRecord<Owner>, from: number): void {
    this.entries = before.entries.splice(from).concat(this.entries);
    this.owners = before.owners.splice(from).concat(this.owners);
  }
}

/**
 * Group commit: records are gathered in memory, and written one at a time with O_DSYNC. While one is on its way, the
 * next gathers. A failed write fails everything after it: nothing may be acknowledged any more.
 */
export class Journal<Owner> {
  /** The last record that is durable. */
  durableLsn: number;
  private lastLsn: number;
  private slab: Slab<Owner>;
  private gathering: JournalRecord<Owner> | undefined;
  private readonly sealed: JournalRecord<Owner>[] = [];
  private writing: JournalRecord<Owner> | undefined;
  private scheduled = false;
  /** What is being written, where segments are written directly: one write is under way at a time. */
  private stage: Buffer | undefined;
  private failure: Error | undefined;
  /** Until then the disk counts as slow. */
  private slowUntil = 0;

  /**
   * @param lsn the last log sequence number in use
   * @param durable called with each record, in order, before its promise resolves
   * @param failed called once, when a write failed
   */
  constructor(
    private readonly segments: Segments,
    private readonly options: Pick<StoreLimits, 'slabBytes' | 'inlineBytes' | 'quickWriteMs' | 'slowDiskMs'> & { salt: number },
    lsn: number,
    private readonly durable: (record: JournalRecord<Owner>) => void,
    private readonly failed: (error: Error) => void,
  ) {
    this.durableLsn = this.lastLsn = lsn;
    this.slab = new Slab(options.slabBytes);
  }

  /** The record being gathered, with room for so many bytes at its `end`. It is written after the running task. */
  room(bytes: number): JournalRecord<Owner> {
    const { gathering } = this;
    if (gathering && gathering.end + bytes <= gathering.slab.buffer.length) return gathering;
    if (gathering) this.seal(gathering);
    const needed = blocks(RECORD_HEADER + bytes);
    if (this.slab.used + needed > this.slab.buffer.length) this.slab = new Slab(Math.max(this.options.slabBytes, needed));
    this.gathering = new JournalRecord(this.slab, this.slab.used);
    this.schedule();
    return this.gathering;
  }

  /** The most bytes that one record can take. */
  get largest(): number {
    return this.options.slabBytes - RECORD_HEADER;
  }

  /** Resolves when everything gathered so far is durable. */
  commit(): Promise<void> {
    if (this.failure) return Promise.reject(this.failure);
    const last = this.gathering ?? this.sealed.at(-1) ?? this.writing;
    return last ? last.done : Promise.resolve();
  }

  async close(): Promise<void> {
    await this.commit();
  }

  private schedule(): void {
    if (this.scheduled || this.writing) return;
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      this.writeNext();
    });
  }

  private seal(record: JournalRecord<Owner>): void {
    this.gathering = undefined;
    this.sealed.push(record);
    const { slab, start, end } = record;
    // Room was asked for and nothing was written: nobody's bytes, but someone may wait for its turn.
    if (end === start + RECORD_HEADER) return;
    record.lsn = ++this.lastLsn;
    const { view, buffer } = slab;
    view.setUint32(start, RECORD_MAGIC, true);
    view.setUint32(start + 8, end - start - RECORD_HEADER, true);
    view.setUint32(start + 12, 0, true);
    view.setFloat64(start + 16, record.lsn, true);
    view.setUint32(start + 4, crc32(buffer.subarray(start + 8, end), this.options.salt), true);
    slab.used = start + blocks(end - start);
    buffer.fill(0, end, slab.used);
  }

  private writeNext(): void {
    if (this.writing || this.failure) return;
    if (this.sealed.length === 0 && this.gathering) this.seal(this.gathering);
    const record = this.sealed.shift();
    if (!record) return;
    if (record.lsn === 0) {
      this.durable(record);
      record.settle();
      this.writeNext();
      return;
    }
    this.writing = record;
    try {
      const segment = this.segments.place(blocks(record.end - record.start));
      if (segment instanceof Promise) {
        segment.then(
          (made) => this.write(record, made, 0),
          (error) => this.fail(error),
        );
      } else {
        this.write(record, segment, 0);
      }
    } catch (error) {
      this.fail(error as Error);
    }
  }

  private write(record: JournalRecord<Owner>, segment: Segment, done: number): void {
    const { slab, start } = record;
    const length = blocks(record.end - start);
    let source = slab.buffer;
    let from = start + done;
    let bytes = length - done;
    if (segment.direct) {
      const stage = (this.stage ??= alignedStage());
      bytes = Math.min(bytes, stage.length);
      source.copy(stage, 0, from, from + bytes);
      source = stage;
      from = 0;
    }
    const { fd } = segment.file;
    const position = segment.used + done;
    if (bytes > this.options.inlineBytes || performance.now() < this.slowUntil) {
      write(fd, source, from, bytes, position, (error, written) => (error ? this.fail(error) : this.wrote(record, segment, done + written)));
      return;
    }
    const written = this.writeInline(fd, source, from, bytes, position);
    // Not before whoever began it has gone on, as with the thread pool.
    queueMicrotask(() => (written instanceof Error ? this.fail(written) : this.wrote(record, segment, done + written)));
  }

  /**
   * A quick disk takes a small record in less time than it costs to have another thread write it and to be woken by
   * that. A slow write holds up everything once; then threads write for a while.
   */
  private writeInline(fd: number, source: Buffer, from: number, bytes: number, position: number): number | Error {
    const began = performance.now();
    try {
      return writeSync(fd, source, from, bytes, position);
    } catch (error) {
      return error as Error;
    } finally {
      const ended = performance.now();
      if (ended - began > this.options.quickWriteMs) this.slowUntil = ended + this.options.slowDiskMs;
    }
  }

  private wrote(record: JournalRecord<Owner>, segment: Segment, done: number): void {
    const length = blocks(record.end - record.start);
    if (done < length) return this.write(record, segment, done);
    segment.used += length;
    segment.lastLsn = record.lsn;
    this.written(record);
  }

  private written(record: JournalRecord<Owner>): void {
    this.durableLsn = record.slab.lastLsn = record.lsn;
    this.writing = undefined;
    // The next write first: it takes its time while this one is told of.
    this.writeNext();
    this.durable(record);
    record.settle();
  }

  private fail(error: Error): void {
    this.failure = error;
    const lost = [this.writing, ...this.sealed, this.gathering];
    this.writing = this.gathering = undefined;
    this.sealed.length = 0;
    this.failed(error);
    for (const record of lost) record?.settle(error);
  }
}

export function blocks(bytes: number): number {
  return Math.ceil(bytes / BLOCK) * BLOCK;
}
