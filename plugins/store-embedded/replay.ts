import { open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { StorageOpenError } from '../../broker/ports/storage.js';
import type { Conversation } from './conversation.js';
import { ENTRY_ID, entryFrom } from './entry.js';
import { BLOCK, RECORD_HEADER, RECORD_MAGIC, blocks } from './journal.js';
import { replay } from './records.js';
import type { Replayer } from './records.js';
import { segmentPaths } from './segments.js';
import { Slab } from './slab.js';
import type { Store } from './store.js';

interface Found {
  lsn: number;
  slab: Slab<Conversation>;
  start: number;
  end: number;
}

/** Bytes of records after which what was replayed is filled into LMDB. */
const PIECE = 8 * 1024 * 1024;

/**
 * Brings what the journal has and LMDB has not into memory, then into LMDB. A torn record is the last one that was
 * being written, which nobody was told of: it ends the journal. A bad one with good ones behind it is damage.
 * @returns how many records were replayed.
 * @throws StorageOpenError when records are missing in the middle; nothing was changed.
 */
export async function replayJournal(store: Store, folder: string, salt: number): Promise<number> {
  const found = await find(folder, salt, store.durableLsn);
  found.forEach(({ lsn }, i) => {
    const expected = store.durableLsn + 1 + i;
    if (lsn !== expected) throw new StorageOpenError(`the journal in ${folder} is damaged: record ${expected} cannot be read, but later ones can`);
  });
  let bytes = 0;
  for (const { lsn, slab, start, end } of found) {
    replay(slab, start, end, replayer(store, slab));
    slab.lastLsn = lsn;
    store.holds(slab);
    store.replayed(lsn);
    bytes += end - start;
    if (bytes < PIECE) continue;
    bytes = 0;
    await store.fill.now();
  }
  if (found.length > 0) await store.fill.now();
  return found.length;
}

/** Every whole record after `lsn`, in order. */
async function find(folder: string, salt: number, lsn: number): Promise<Found[]> {
  const found: Found[] = [];
  for (const path of await segmentPaths(folder)) {
    const slab = await readWhole(path);
    const { buffer, view } = slab;
    let at = 0;
    while (at + RECORD_HEADER <= buffer.length) {
      const end = at + RECORD_HEADER + view.getUint32(at + 8, true);
      const isNew = view.getUint32(at, true) === RECORD_MAGIC && view.getFloat64(at + 16, true) > lsn && end <= buffer.length;
      if (isNew && crc32(buffer.subarray(at + 8, end), salt) === view.getUint32(at + 4, true)) {
        found.push({ lsn: view.getFloat64(at + 16, true), slab, start: at + RECORD_HEADER, end });
        at += blocks(end - at);
      } else {
        at += BLOCK;
      }
    }
  }
  return found.sort((a, b) => a.lsn - b.lsn);
}

async function readWhole(path: string): Promise<Slab<Conversation>> {
  const file = await open(path, 'r');
  try {
    const slab = new Slab<Conversation>((await file.stat()).size);
    for (let at = 0; at < slab.buffer.length; ) {
      const { bytesRead } = await file.read(slab.buffer, at, slab.buffer.length - at, at);
      if (bytesRead === 0) break;
      at += bytesRead;
    }
    return slab;
  } finally {
    await file.close();
  }
}

function replayer(store: Store, slab: Slab<Conversation>): Replayer {
  const { conversations } = store;
  return {
    append(id, entry) {
      const conversation = conversations.byNumber(id);
      const sender = store.sender(conversation, entryFrom(entry));
      sender.raise(entry.buffer.subarray(entry.head + ENTRY_ID, entry.start));
      sender.appended(entry);
      if (entry.seq !== conversation.head + 1) conversation.nextTerm = store.term;
      store.appended(conversation, entry, slab);
      conversation.last = conversation.head;
      conversation.lastCounted = conversation.counted;
      conversation.nextEpoch = conversation.epoch;
    },
    create(id, name, members) {
      const known = conversations.get(name);
      if (known) return store.windows.replaced(known, members);
      const conversation = conversations.create(id, name, members);
      conversation.term = conversation.nextTerm = store.term;
      store.begun(conversation);
    },
    row: (table, name, value) => store.tables[table].replay(name, value),
    state: (id, seq, state) => store.marked(conversations.byNumber(id), seq, state),
    trim: (id, upTo) => store.trimmed(conversations.byNumber(id), upTo),
    term: (term) => {
      store.term = Math.max(store.term, term);
    },
  };
}
