import { Reason, type GapNotice } from 'godwit-client';

const why: ReadonlyMap<GapNotice['reason'], string> = new Map<GapNotice['reason'], string>([
  [Reason.EXPIRED, 'disappeared'],
  [Reason.ERASED, 'was taken back'],
  [Reason.TRIMMED, 'is older than the server keeps'],
  [Reason.LOST, 'was lost with a restored backup'],
  [Reason.NOT_MEMBER, 'was said while you were not there'],
]);

/** More places than this in one gap are the room that a new term leaves: there is no use in a number. */
const countable = 1_000_000;

/** What is said in the place of messages that this device is not given. */
export function gapText({ from, to, reason }: GapNotice): string {
  const count = to - from + 1;
  const what = why.get(reason) ?? 'is missing, and the server did not say why';
  if (count >= countable) return `what was here ${what}`;
  return count === 1 ? `a message ${what}` : `${count} messages: each ${what}`;
}
