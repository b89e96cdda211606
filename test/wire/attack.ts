import type { Random } from '../schemas/random.js';
import type { Sender } from './packets.js';

/** What must become of the connection. */
export type Ending =
  /** It stays open, and is answered. */
  | 'stays'
  /** The server ends it by itself. */
  | 'ends'
  /** Bytes at random may be a packet or not; it ends at the latest when the sender ends it. */
  | 'either';

/** Something to send, and what must follow. */
export interface Attack {
  name: string;
  ending: Ending;
  /** Each is written by itself. */
  pieces: Buffer[];
  /** How many packets that is. */
  packets: number;
  /** Written as it is also on a WebSocket, not within a frame. */
  bare?: boolean;
}

/** What attacks are made from. */
export interface Means {
  random: Random;
  by: Sender;
  /** Users to write to. */
  others: readonly string[];
}

export type Make = (means: Means) => Buffer | Buffer[];

/** Attacks of one ending, by their names. */
export type Arsenal = Readonly<Record<string, Make>>;

/** One of an arsenal. */
export function draw(ending: Ending, arsenal: Arsenal, means: Means): Attack {
  const name = means.random.pick(Object.keys(arsenal));
  const made = arsenal[name](means);
  const pieces = Array.isArray(made) ? made : [made];
  return { name, ending, pieces, packets: pieces.length };
}

/** A packet that comes byte by byte. */
export function drip(attack: Attack): Attack {
  return { ...attack, name: `${attack.name}, dripping`, pieces: attack.pieces.flatMap((piece) => Array.from(piece, (_, i) => piece.subarray(i, i + 1))) };
}

/** Packets that come in pieces of random sizes, or all at once. */
export function recut(random: Random, pieces: readonly Buffer[]): Buffer[] {
  const whole = Buffer.concat(pieces);
  const cuts = Array.from({ length: random.below(4) }, () => random.below(whole.length + 1)).sort((a, b) => a - b);
  return [0, ...cuts].map((from, i) => whole.subarray(from, [...cuts, whole.length][i])).filter((piece) => piece.length > 0);
}
