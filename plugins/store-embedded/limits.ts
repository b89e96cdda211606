import { limits } from 'godwit-schemas';

/** Every bound of this store, and what happens at it. */
export interface StoreLimits {
  /** Bytes of a journal segment. A record that does not fit the rest of one goes into the next. */
  segmentBytes: number;
  /** Most journal segments; when all hold what is not in LMDB yet, commits wait for the fill. */
  segments: number;
  /** Bytes of the slabs that records are gathered in. A record larger than this gets a slab of its own. */
  slabBytes: number;
  /** Bytes up to which a record is written by the main thread itself, while the disk is quick. */
  inlineBytes: number;
  /** Milliseconds that such a write may take; after a longer one the thread pool writes for `slowDiskMs`. */
  quickWriteMs: number;
  slowDiskMs: number;
  /** Bytes of slabs kept in memory for live reading; beyond it the oldest filled ones are let go. */
  tailBytes: number;
  /** Bytes in the journal, not in LMDB, at which a fill begins. */
  fillBytes: number;
  /** Milliseconds after which whatever is new is filled into LMDB, however little it is. */
  fillMs: number;
  /** Milliseconds after which moved cursors are journaled. */
  cursorMs: number;
  /** Milliseconds after which "last seen" is filled into LMDB. */
  lastSeenMs: number;
  /** Bytes at which a chunk ends. */
  chunkBytes: number;
  /** A chunk smaller than this is written again with what came after it, so that slow conversations do not fall into crumbs. */
  mergeBytes: number;
  /** Ids in one row of the dedupe index. */
  dedupeRow: number;
  /** Bytes read ahead for whoever drains a conversation. */
  readAheadBytes: number;
  /** Bytes of chunks read and kept for others who read the same. */
  readBytes: number;
  /** Conversations held open in memory; beyond it, idle ones are let go. */
  openConversations: number;
  /** Bodies taken out in one step of a sweep. */
  sweepStep: number;
  /** Places removed in one fill, about: the rest of what was trimmed waits for the next. */
  clearPlaces: number;
}

/** Chunks up to some 2,000 bytes lie in LMDB's leaf pages, larger ones in pages of their own. */
export const storeLimits: StoreLimits = {
  segmentBytes: 8 * 1024 * 1024,
  segments: 16,
  slabBytes: 1024 * 1024,
  inlineBytes: 8 * 1024,
  quickWriteMs: 1,
  slowDiskMs: 1000,
  tailBytes: 8 * 1024 * 1024,
  fillBytes: 1024 * 1024,
  fillMs: 2000,
  // The other half is the engine's, which gathers them.
  cursorMs: limits.cursorFlushMs.value / 2,
  lastSeenMs: 5000,
  chunkBytes: 32 * 1024,
  mergeBytes: 1900,
  dedupeRow: 80,
  readAheadBytes: 256 * 1024,
  readBytes: 16 * 1024 * 1024,
  openConversations: limits.openConversations.value,
  sweepStep: 64,
  clearPlaces: 1000,
};
