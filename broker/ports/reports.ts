import type { MaybePromise } from './conversation-log.js';

export interface ReportRecord {
  /** A ULID: they sort by time. */
  report: string;
  atMs: number;
  by: string;
  /** Who is reported. */
  user: string;
  /** Of a message; empty: the person is. */
  conversation: string;
  seq: number;
  reason: string;
}

/** What users report to whoever runs the server. Everything is durable when its promise resolves. */
export interface Reports {
  /** @param forgetBeforeMs of those from before some go: more than come */
  add(record: ReportRecord, forgetBeforeMs: number): Promise<void>;
  /** After `after`, oldest first, at most `limit`. */
  list(after: string, limit: number): MaybePromise<readonly ReportRecord[]>;
  /** Of one user, as `list`. */
  by(user: string, after: string, limit: number): MaybePromise<readonly ReportRecord[]>;
  /** False: there was none. */
  remove(report: string): Promise<boolean>;
}
