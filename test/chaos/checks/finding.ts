/** What a check can find. All of it must be 0. */
export const faultsFound = [
  /** Accepted or acknowledged, for a device, not expired, and neither delivered to it nor told as a gap. */
  'lost',
  /** One message at two places, or one place given twice on one connection. */
  'repeated',
  /** Given to, or taken from, someone who was not in the conversation at that place. */
  'leaked',
  /** Against the order of seq at a receiver, or seq against the order of its sender. */
  'reordered',
  /** A delivery that does not prove that nothing is missing before it. */
  'unproven',
  /** One place with two messages. */
  'placed twice',
  /** What was never sent, or not with these bytes. */
  'invented',
  /** A tick for what nobody has; a tick that never came. */
  'wrong tick',
  /** A device shows other edits, reactions, deletions or answers than the log says. */
  'wrongly folded',
  /** Offline, of someone who is connected. */
  'wrong presence',
  /** A rule of the protocol, as the client itself saw it. */
  'broken rule',
  /** Not accepted by the end. */
  'stuck',
] as const;

export type Kind = (typeof faultsFound)[number];

/** One fault, and where to look. */
export interface Finding {
  kind: Kind;
  text: string;
  conversation?: string;
  seq?: number;
  token?: string;
  clientId?: string;
}
