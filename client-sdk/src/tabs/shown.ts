import type { Emitter } from '../emitter.js';
import type { ClientEvent } from '../events.js';

/** The conversation and place that an event shows. A change is of a message as it now is: to show it twice does no harm. */
function placeOf(event: ClientEvent): { conversation: string; seq: number } | undefined {
  if (event.type === 'message') return event;
  if (event.type === 'gap') return { conversation: event.conversation, seq: event.to };
  return event.type === 'undecodable' ? event.message : undefined;
}

/** What this tab has shown its app: what a leader hands over again is not shown twice by a tab that had it. */
export class Shown {
  readonly #last = new Map<string, number>();
  /** What the app has in hand, by conversation and place. */
  readonly #inHand = new Map<string, ((dealt: boolean) => void)[]>();

  constructor(private readonly emitter: Emitter) {}

  /** @param through called once: with true when listeners have dealt with it, now or before; with false when there are none. */
  show(event: ClientEvent, through: (dealt: boolean) => void): void {
    const place = placeOf(event);
    const key = place && `${place.conversation}/${place.seq}`;
    const inHand = key === undefined ? undefined : this.#inHand.get(key);
    if (inHand) return void inHand.push(through);
    if (place && place.seq <= (this.#last.get(place.conversation) ?? 0)) return through(true);
    if (!this.emitter.wants(event.type)) return through(false);
    const waiting = [through];
    if (place) {
      this.#last.set(place.conversation, place.seq);
      this.#inHand.set(key!, waiting);
    }
    this.emitter.emit(event, () => {
      if (key !== undefined) this.#inHand.delete(key);
      for (const one of waiting) one(true);
    });
  }
}
