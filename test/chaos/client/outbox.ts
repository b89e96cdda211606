import { Code, isRetry } from 'godwit-schemas';

/** A message between its writing and its PUBACK. */
export interface Outgoing {
  readonly token: string;
  /** Hexadecimal. */
  readonly id: string;
  readonly conversation: string;
  readonly to: string;
  readonly expiresInS: number;
  qos: 1 | 2;
  inFlight: boolean;
  /** It was sent, on this connection. */
  tried: boolean;
  /** Packet id of a QoS 2 publish whose handshake has begun: a resend carries the same one. 0 = none. */
  handshake: number;
  /** An earlier connection began the handshake, and the Result was not heard. */
  resend: boolean;
  /** What the Result on this connection said. */
  result: { code: Code; retryAfterMs: number } | undefined;
}

interface Line {
  queue: Outgoing[];
  inFlight: number;
  /** A message was refused: nothing goes out until everything in flight is answered, and this time has come. */
  refused: boolean;
  notBefore: number;
}

/** Longest wait after a refusal, whatever the server proposes: a short run has no time for more. */
const MOST_WAIT_MS = 1_000;

/**
 * What is not accepted yet, in order for each conversation, as a client of the protocol must keep it: resent in order
 * on a new connection, and after a refusal that is worth a retry from the refused one on.
 */
export class Outbox {
  size = 0;
  private readonly lines = new Map<string, Line>();
  private readonly byId = new Map<string, Outgoing>();

  /** @param pushy after a refusal what is new is still sent, until the refused one's time has come */
  constructor(private readonly pushy: boolean) {}

  add(message: Outgoing): void {
    let line = this.lines.get(message.conversation);
    if (!line) this.lines.set(message.conversation, (line = { queue: [], inFlight: 0, refused: false, notBefore: 0 }));
    line.queue.push(message);
    this.byId.set(message.id, message);
    this.size++;
  }

  get(id: string): Outgoing | undefined {
    return this.byId.get(id);
  }

  messages(): Iterable<Outgoing> {
    return this.byId.values();
  }

  /** The connection is gone: everything starts again, in order. */
  disconnected(): void {
    for (const line of this.lines.values()) {
      line.inFlight = 0;
      line.refused = false;
      line.notBefore = 0;
      for (const message of line.queue) {
        message.inFlight = message.tried = false;
        message.result = undefined;
        message.resend = message.handshake > 0;
      }
    }
  }

  /** The messages that may go out now, up to a window of so many for the whole connection. */
  *due(now: number, window: number): Iterable<Outgoing> {
    let inFlight = 0;
    for (const line of this.lines.values()) inFlight += line.inFlight;
    for (const line of this.lines.values()) {
      const waits = line.refused && (line.inFlight > 0 || now < line.notBefore);
      if (waits && !(this.pushy && now < line.notBefore)) continue;
      line.refused = waits;
      for (const message of line.queue) {
        if (inFlight >= window) return;
        if (!message.inFlight && !(waits && message.tried)) {
          message.inFlight = message.tried = true;
          line.inFlight++;
          inFlight++;
          yield message;
        }
        // The server only finishes the handshake of a publish that it refused on the connection before: nothing may
        // overtake that message until it is known what became of it.
        if (message.resend) break;
      }
    }
  }

  /** What became of a message whose Result and PUBACK (PUBREC) are here. True: it is done with. */
  settle(message: Outgoing, now: number): boolean {
    const line = this.lines.get(message.conversation)!;
    const { result } = message;
    message.inFlight = false;
    line.inFlight--;
    if (!result || isRetry(result.code)) {
      message.result = undefined;
      message.resend = false;
      message.handshake = 0;
      message.qos = 1;
      // What is refused alike after the first does not put that one off.
      if (!line.refused) line.notBefore = now + Math.min(result?.retryAfterMs ?? 0, MOST_WAIT_MS);
      line.refused = true;
      return false;
    }
    line.queue.splice(line.queue.indexOf(message), 1);
    this.byId.delete(message.id);
    this.size--;
    return true;
  }
}
