import type { Contender } from './contenders.js';
import { Pair, type Measured } from './measure.js';
import type { Scope } from '../support/folder.js';

/** A row of the table. */
export interface Row {
  readonly name: string;
  readonly unit: 'bytes' | 'round trips';
  /** At most this much, for Godwit. */
  readonly aim: number;
}

export const rows = {
  reconnectTrips: { name: 'reconnect, nothing new', unit: 'round trips', aim: 1 },
  reconnectBytes: { name: 'reconnect, nothing new: both ways together', unit: 'bytes', aim: 250 },
  sender: { name: "20-byte text: the sender's leg, without the text", unit: 'bytes', aim: 160 },
  receiver: { name: "20-byte text: the receiver's leg, without the text", unit: 'bytes', aim: 105 },
  backlog: { name: '100 waiting messages: CONNECT to last acknowledgement', unit: 'round trips', aim: 2 },
  minute: { name: 'a minute in background', unit: 'bytes', aim: 0 },
} as const satisfies Record<string, Row>;

export type RowName = keyof typeof rows;
export const rowNames = Object.keys(rows) as RowName[];

/** What was measured of a contender: each row as often as it was repeated. */
export type Results = ReadonlyMap<RowName, readonly Measured[]>;

/** Measures a contender. The minute is measured once, and only where it is asked for. */
export async function measure(scope: Scope, contender: Contender, repeats: number, withMinute: boolean): Promise<Results> {
  const results = new Map<RowName, Measured[]>();
  const note = (name: RowName, measured: Measured): void => void results.set(name, [...(results.get(name) ?? []), measured]);
  const pair = await Pair.connect(scope, contender);
  for (let i = 0; i < repeats; i++) {
    const { trips, bytes } = await pair.reconnect();
    note('reconnectTrips', trips);
    note('reconnectBytes', bytes);
    const { sender, receiver } = await pair.text();
    note('sender', sender);
    note('receiver', receiver);
    note('backlog', await pair.backlog());
  }
  if (withMinute) note('minute', await pair.minute());
  return results;
}

/** The one in the middle, by value. */
export function median(measured: readonly Measured[]): Measured | undefined {
  return [...measured].sort((a, b) => a.value - b.value)[Math.floor((measured.length - 1) / 2)];
}
