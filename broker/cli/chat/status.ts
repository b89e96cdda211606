import { State, type ConnectionChange, type PresenceNotice } from 'godwit-client';
import { agoOrTime } from '../times.js';

/** A typing notice holds this long; who goes on typing tells it again. */
export const typingMs = 3_000;

export interface Situation {
  readonly other: string;
  readonly presence: PresenceNotice | undefined;
  /** Who types. */
  readonly typing: string | undefined;
  readonly connection: ConnectionChange;
  /** Own messages that wait here. */
  readonly waiting: number;
  readonly nowMs: number;
}

/** Where the other is. */
export function otherSays({ other, presence, typing, connection, nowMs }: Situation): string {
  if (connection.state !== 'connected') return other;
  if (typing !== undefined) return typing === other ? `${other} is typing…` : `${other}: ${typing} is typing…`;
  switch (presence?.state) {
    case undefined:
      return other;
    case State.ONLINE:
      return `${other} is online`;
    case State.AWAY:
      return `${other} is away`;
    default:
      return presence!.lastSeenMs > 0 ? `${other} was last seen ${agoOrTime(presence!.lastSeenMs, nowMs)}` : `${other} was never here`;
  }
}

/** What the connection is, and what waits for it. */
export function connectionSays({ connection, waiting, nowMs }: Pick<Situation, 'connection' | 'waiting' | 'nowMs'>): string {
  const kept = waiting > 0 ? `, ${waiting} ${waiting === 1 ? 'message waits' : 'messages wait'} here` : '';
  switch (connection.state) {
    case 'connected':
      return `connected${kept}`;
    case 'waiting': {
      const seconds = Math.max(0, Math.ceil(((connection.retryAtMs ?? nowMs) - nowMs) / 1_000));
      return `offline${kept}, next try ${seconds > 0 ? `in ${seconds} s` : 'now'}`;
    }
    case 'signed-out':
      return `the server refused the token${kept}`;
    case 'taken-over':
      return `this device is connected elsewhere${kept}`;
    case 'closed':
      return 'closed';
    default:
      return `connecting${kept}`;
  }
}
