import { Code, createUlid, fromBinary, limits, MessageSchema, ulidToString, validUserId, type RequestOf } from 'godwit-schemas';
import { windowAt } from '../../broker/ports/windows.js';
import type { Caller, Limiter, PluginContext } from '../../broker/ports/plugin.js';
import { refuse } from './refuse.js';

const DAY_MS = 86_400_000;
const newId = createUlid();

export function reportLimiter({ limiter }: Pick<PluginContext, 'limiter'>): Limiter {
  return limiter({ perMinute: limits.reportsADay.value / 1_440, burst: limits.reportsADay.value });
}

/** @throws RefusedError */
export async function addReport({ storage, now }: PluginContext, limiter: Limiter, { user: by }: Caller, request: RequestOf<'reports.add'>): Promise<{ report: string }> {
  const { conversation, reason } = request;
  if (reason.trim() === '') refuse(Code.MALFORMED, 'a report needs a reason');
  if (Buffer.byteLength(reason) > limits.reportReasonBytes.value) refuse(Code.TOO_LARGE, `a reason has at most ${limits.reportReasonBytes.value} bytes`);
  if ((request.user === '') === (conversation === '')) refuse(Code.MALFORMED, 'a report is of a user, or of a place in a conversation');
  const seq = conversation === '' ? 0 : Number(request.seq);
  const user = conversation === '' ? request.user : await authorOf(storage, by, conversation, seq);
  if (!validUserId(user) || user === by) refuse(Code.MALFORMED, 'a report is of another user');
  if (conversation === '' && !(await storage.directory.user(user))) refuse(Code.UNKNOWN_USER, `there is no user ${user}`);
  if (!(await storage.directory.user(by))) refuse(Code.UNKNOWN_USER, 'who has never connected reports nothing');
  const waitMs = limiter.take(by);
  if (waitMs > 0) refuse(Code.RATE_LIMITED, `at most ${limits.reportsADay.value} reports a day`, waitMs);
  const report = ulidToString(newId());
  await storage.reports.add({ report, atMs: now(), by, user, conversation, seq, reason }, now() - limits.reportDays.value * DAY_MS);
  return { report };
}

/** Of a place that the user was given. @throws RefusedError */
async function authorOf({ log }: PluginContext['storage'], user: string, conversation: string, seq: number): Promise<string> {
  const window = windowAt(await log.windowsOf(conversation, user), seq);
  if (!window || window.from > seq) refuse(Code.UNKNOWN_CONVERSATION, 'there is no such place of yours');
  const [entry] = await log.read(conversation, seq, { entries: 1, bytes: 1 });
  if (entry?.seq !== seq) refuse(Code.UNKNOWN_CONVERSATION, 'there is no such message any more');
  return fromBinary(MessageSchema, entry.buffer.subarray(entry.stamp, entry.end)).from;
}
