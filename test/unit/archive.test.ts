import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Code, limits, Reason } from 'godwit-schemas';
import { pino } from 'pino';
import { archiving, ArchivedLog, Mover } from '../../plugins/archive/index.js';
import type { ArchivableLog, Archive, ArchiveRule } from '../../broker/ports/archive.js';
import { isUnavailable, unavailable } from '../../broker/ports/availability.js';
import { EntryState, type Append } from '../../broker/ports/conversation-log.js';
import { goneFor } from '../../broker/ports/entries.js';
import { again, append } from '../conformance/appends.js';
import { embedded, START_MS, type Backend } from '../conformance/backend.js';
import type { Store } from '../../plugins/store-embedded/store.js';
import type { Scope } from '../support/folder.js';
import { MemoryArchive } from '../support/memory-archive.js';
import { until } from '../support/recorder.js';

const ALL = { entries: 100_000, bytes: 100_000_000 };
const EVERYTHING: ArchiveRule = { sentBeforeMs: Number.MAX_SAFE_INTEGER, keep: 0, tail: 0 };
const NAME = 'd:alice:bob';

/** A log of ten messages, one a second, and an archive that is empty. */
class Place {
  readonly archive = new MemoryArchive();
  under!: ArchivableLog;
  log!: ArchivedLog;
  mover!: Mover;

  private constructor(readonly backend: Backend) {}

  static async make(t: Scope): Promise<Place> {
    const place = new Place(await embedded()());
    t.after(() => place.backend.remove());
    place.open();
    for (let i = 1; i <= 10; i++) {
      place.backend.clock.nowMs = START_MS + i * 1_000;
      await place.log.append([append(NAME, 'alice', `message ${i}`, { expiresInS: i === 2 ? 3_600 : 0 })]);
    }
    await place.backend.settle();
    return place;
  }

  /** As after a restart. */
  async reopen(): Promise<void> {
    await this.backend.reopen!();
    this.open();
  }

  private open(): void {
    this.under = this.backend.storage.log as ArchivableLog;
    this.log = new ArchivedLog(this.under, this.archive);
    this.mover = new Mover(this.under, this.archive, this.log);
  }

  archived(): number[] {
    return [...(this.archive.kept.get(NAME)?.keys() ?? [])].sort((a, b) => a - b);
  }

  /** What everyone is given: the place, and its state. */
  async shown(): Promise<[number, EntryState][]> {
    return (await this.log.read(NAME, 1, ALL)).map(({ seq, state }) => [seq, state]);
  }

  async bodies(): Promise<string[]> {
    return (await this.log.read(NAME, 1, ALL)).map(({ buffer, start, end }) => buffer.toString('latin1', start, end).match(/message \d+/)?.[0] ?? '');
  }
}

function held(archive: MemoryArchive, what: keyof Archive): { reached: Promise<void>; letGo: () => void } {
  let letGo!: () => void;
  const gate = new Promise<void>((resolve) => (letGo = resolve));
  const reached = new Promise<void>((resolve) => {
    archive.before = (asked) => {
      if (asked !== what) return;
      resolve();
      return gate;
    };
  });
  return { reached, letGo };
}

const all = Array.from({ length: 10 }, (_, i) => i + 1);
const names = all.map((seq) => `message ${seq}`);

describe('what moves', () => {
  const cases: [string, ArchiveRule, number][] = [
    ['by age', { sentBeforeMs: START_MS + 4_000, keep: 0, tail: 0 }, 3],
    ['beyond a number', { sentBeforeMs: 0, keep: 6, tail: 0 }, 4],
    ['by the one or the other', { sentBeforeMs: START_MS + 8_000, keep: 6, tail: 0 }, 7],
    ['but for the newest', { sentBeforeMs: Number.MAX_SAFE_INTEGER, keep: 1, tail: 3 }, 7],
    ['but for the newest, which are all', { sentBeforeMs: Number.MAX_SAFE_INTEGER, keep: 1, tail: 10 }, 0],
    ['nothing', { sentBeforeMs: 0, keep: 0, tail: 0 }, 0],
  ];
  for (const [name, rule, moved] of cases) {
    test(name, async (t) => {
      const place = await Place.make(t);
      assert.equal(await place.mover.move(rule), moved);
      assert.deepEqual(place.archived(), all.slice(0, moved));
      assert.deepEqual(await place.bodies(), names);
      assert.equal(await place.mover.move(rule), 0, 'nothing moves twice');
      await place.backend.settle();
      await place.reopen();
      assert.equal(await place.mover.move(rule), 0, 'nor after a restart');
      assert.deepEqual(await place.bodies(), names);
    });
  }

  test('leaves its body nowhere in the log; place, id and count stay', async (t) => {
    const place = await Place.make(t);
    const sent = append(NAME, 'bob', 'message 11');
    await place.log.append([sent]);
    const first: Append = { ...sent };
    await place.backend.settle();
    await place.mover.move(EVERYTHING);
    for (const restarts of [false, true]) {
      if (restarts) await place.reopen();
      const entries = await place.under.read(NAME, 1, ALL);
      assert.deepEqual(entries.map(({ seq, state, counted }) => [seq, state, counted]), Array.from({ length: 11 }, (_, i) => [i + 1, EntryState.Archived, i + 1]));
      assert.ok(!entries.some(({ buffer, start, end }) => buffer.toString('latin1', start, end).includes('message')));
      const resent = again(sent);
      await place.log.append([resent]);
      assert.deepEqual([resent.duplicate, resent.seq, resent.sentAtMs], [true, first.seq, first.sentAtMs]);
    }
  });
});

test('what is left of many small pieces lies together, so that LMDB has pages back', async (t) => {
  const place = await Place.make(t);
  const { db } = (place.under as unknown as { store: Store }).store;
  const rows = (): number => (db.chunks.getStats() as { entryCount: number }).entryCount;
  for (let i = 11; i <= 60; i++) {
    await place.log.append([append(NAME, 'alice', `message ${i} ${'.'.repeat(600)}`)]);
    await place.backend.settle();
  }
  const before = rows();
  assert.equal(await place.mover.move({ ...EVERYTHING, tail: 5 }), 55);
  await place.backend.settle();
  assert.ok(rows() < before / 2, `${rows()} rows of ${before}`);
  const names = Array.from({ length: 60 }, (_, i) => `message ${i + 1}`);
  for (const restarts of [false, true]) {
    if (restarts) await place.reopen();
    assert.deepEqual(await place.bodies(), names);
    for (const at of [1, 7, 30, 54, 55, 56, 60]) assert.equal((await place.log.read(NAME, at, { entries: 1, bytes: 1 }))[0].seq, at);
  }
});

test('messages move by themselves, but for the newest archiveTail', async (t) => {
  const place = await Place.make(t);
  const tail = limits.archiveTail.value;
  await place.log.append(Array.from({ length: tail }, (_, i) => append(NAME, 'alice', `message ${i + 11}`)));
  await place.backend.settle();
  const { log, close } = archiving({ log: place.under, archive: place.archive, afterMs: 0, keep: tail, now: () => START_MS, logger: pino({ level: 'silent' }) });
  t.after(close);
  await until('ten have moved', () => place.archived().length === 10);
  assert.equal((await log.read(NAME, 1, ALL)).length, tail + 10);
});

describe('a message that moves', () => {
  test('is read once, from the log, until it has moved', async (t) => {
    const place = await Place.make(t);
    const { reached, letGo } = held(place.archive, 'put');
    const moving = place.mover.move(EVERYTHING);
    await reached;
    assert.deepEqual(await place.bodies(), names);
    letGo();
    assert.equal(await moving, 10);
    assert.deepEqual(await place.bodies(), names);
  });

  test('and is erased meanwhile, leaves log and archive', async (t) => {
    const place = await Place.make(t);
    const { reached, letGo } = held(place.archive, 'put');
    const moving = place.mover.move(EVERYTHING);
    await reached;
    const erasing = place.log.erase(NAME, 4, EntryState.Erased);
    letGo();
    await Promise.all([moving, erasing]);
    assert.deepEqual(place.archived(), all.filter((seq) => seq !== 4));
    assert.deepEqual((await place.shown())[3], [4, EntryState.Erased]);
    assert.deepEqual(await place.bodies(), names.map((name, i) => (i === 3 ? '' : name)));
  });

  test('and is read while it is erased, is erased, never lost', async (t) => {
    const place = await Place.make(t);
    await place.mover.move(EVERYTHING);
    // Out of the archive, and not yet out of the log.
    const under = place.under.erase.bind(place.under);
    let reading: ReturnType<Place['shown']> | undefined;
    place.under.erase = (...which) => {
      reading = place.shown();
      return new Promise((resolve) => setImmediate(resolve)).then(() => under(...which));
    };
    await place.log.erase(NAME, 4, EntryState.Erased);
    assert.deepEqual((await reading)?.[3], [4, EntryState.Erased]);
  });

  test('and a crash cuts short, is there once; erased then, it leaves both', async (t) => {
    const place = await Place.make(t);
    place.under.archived = () => Promise.reject(new Error('crashed'));
    await assert.rejects(place.mover.move(EVERYTHING), /crashed/);
    assert.deepEqual(place.archived(), all, 'it is in both');
    await place.reopen();
    assert.deepEqual(await place.bodies(), names);
    await place.log.erase(NAME, 4, EntryState.Erased);
    assert.deepEqual(place.archived(), all.filter((seq) => seq !== 4));
    assert.equal(await place.mover.move(EVERYTHING), 9);
    assert.deepEqual(place.archived(), all.filter((seq) => seq !== 4));
    assert.deepEqual((await place.shown())[3], [4, EntryState.Erased]);
  });

  test('and expires meanwhile, or later, is gone from both', async (t) => {
    for (const meanwhile of [true, false]) {
      const place = await Place.make(t);
      const { reached, letGo } = held(place.archive, 'put');
      const moving = place.mover.move(EVERYTHING);
      await reached;
      if (!meanwhile) letGo();
      if (!meanwhile) await moving;
      assert.equal((await place.log.sweep(START_MS + 4_000_000)).expired, 1);
      letGo();
      await moving;
      await place.log.sweep(START_MS + 4_000_000, () => undefined);
      assert.ok(!place.archived().includes(2));
      assert.deepEqual((await place.shown())[1], [2, EntryState.Expired]);
    }
  });
});

describe('the archive', () => {
  test('loses with the log what retention does not keep', async (t) => {
    const place = await Place.make(t);
    await place.mover.move({ ...EVERYTHING, tail: 2 });
    await place.log.sweep(START_MS + 20_000, () => ({ upTo: 0, sentBeforeMs: START_MS + 4_000 }));
    assert.deepEqual(place.archived(), [4, 5, 6, 7, 8]);
    await place.log.trim(NAME, 5);
    assert.deepEqual(place.archived(), [6, 7, 8]);
    assert.deepEqual(await place.bodies(), names.slice(5));
  });

  test('that was away when retention let go, loses it with the next sweep; or by the check, after a crash', async (t) => {
    for (const crash of [false, true]) {
      const place = await Place.make(t);
      await place.mover.move({ ...EVERYTHING, tail: 2 });
      place.archive.before = () => { throw unavailable('away'); };
      const trimmed = await place.log.sweep(START_MS + 20_000, () => ({ upTo: 3, sentBeforeMs: 0 }));
      assert.deepEqual([trimmed.trimmed, place.archived()[0]], [3, 1]);
      place.archive.before = () => undefined;
      if (crash) await place.reopen();
      await (crash ? place.mover.check() : place.log.sweep(START_MS + 20_000));
      assert.deepEqual(place.archived(), [4, 5, 6, 7, 8]);
    }
  });

  test('keeps what the log does not know: it may be another\'s', async (t) => {
    const place = await Place.make(t);
    await place.archive.put('d:others:x', [{ seq: 1, message: Buffer.from('x'), stamp: 0, aux: undefined, expiresAtMs: 0 }]);
    await place.mover.check();
    assert.equal(place.archive.kept.get('d:others:x')!.size, 1);
  });

  test('loses what is nobody\'s any more', async (t) => {
    const place = await Place.make(t);
    await place.mover.move(EVERYTHING);
    await place.log.forgetUser('alice');
    assert.deepEqual(place.archived(), all, 'it is still bob\'s');
    await place.log.forgetUser('bob');
    assert.deepEqual(place.archived(), []);
  });

  test('that is away keeps nobody from what is in the log, and says of the rest that it is worth a retry', async (t) => {
    const place = await Place.make(t);
    await place.mover.move({ ...EVERYTHING, tail: 2 });
    place.archive.before = () => { throw unavailable('away'); };
    await assert.rejects(async () => place.bodies(), (error) => isUnavailable(error));
    assert.deepEqual((await place.log.read(NAME, 9, ALL)).map(({ seq }) => seq), [9, 10]);
    const more = append(NAME, 'alice', 'message 11');
    await place.log.append([more]);
    assert.equal(more.code, Code.OK);
    await assert.rejects(async () => place.log.erase(NAME, 4, EntryState.Erased), (error) => isUnavailable(error));
    place.archive.before = () => undefined;
    assert.deepEqual(await place.bodies(), [...names, 'message 11']);
  });

  test('that has lost a message: its place is told as lost', async (t) => {
    const place = await Place.make(t);
    await place.mover.move(EVERYTHING);
    place.archive.kept.get(NAME)!.delete(3);
    place.archive.kept.get(NAME)!.delete(2);
    const entries = await place.log.read(NAME, 1, ALL);
    assert.deepEqual(entries.map(({ seq }) => seq), all);
    assert.deepEqual(entries.map((entry) => goneFor(entry, START_MS + 20_000)), all.map((seq) => (seq === 2 || seq === 3 ? Reason.LOST : undefined)));
    assert.equal(goneFor(entries[1], START_MS + 4_000_000), Reason.EXPIRED);
  });

  test('gives no more than the limit, and goes on where it ended', async (t) => {
    const place = await Place.make(t);
    await place.mover.move({ ...EVERYTHING, tail: 2 });
    const [one] = await place.log.read(NAME, 1, { entries: 1, bytes: 1 });
    const size = one.end - one.start;
    const seqs: number[] = [];
    for (let from = 1; ; from = seqs.at(-1)! + 1) {
      const page = await place.log.read(NAME, from, { entries: 7, bytes: size * 2 });
      if (page.length === 0) break;
      assert.ok(page.length <= 3);
      seqs.push(...page.map(({ seq }) => seq));
    }
    assert.deepEqual(seqs, all);
  });
});
