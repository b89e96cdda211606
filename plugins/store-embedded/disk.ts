import { statfs } from 'node:fs/promises';
import type { Database } from './database.js';

interface Pages {
  pageSize: number;
  treeBranchPageCount: number;
  treeLeafPageCount: number;
  overflowPages: number;
}

interface Stats extends Pages {
  root: Pages;
  free: Pages;
  lastPageNumber: number;
}

/** Bytes that can still be written: what the disk has for us, and LMDB's pages that nothing uses any more. */
export async function freeBytes(folder: string, db: Database): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize + unusedBytes(db);
}

/** Bytes in LMDB's pages that nothing uses any more: they are written before its file grows. */
export function unusedBytes(db: Database): number {
  const { root, free, lastPageNumber } = db.root.getStats() as Stats;
  let used = 2 + pages(root) + pages(free);
  for (const one of db.all) used += pages(one.getStats() as Stats);
  return Math.max(0, lastPageNumber + 1 - used) * root.pageSize;
}

function pages({ treeBranchPageCount, treeLeafPageCount, overflowPages }: Pages): number {
  return treeBranchPageCount + treeLeafPageCount + overflowPages;
}
