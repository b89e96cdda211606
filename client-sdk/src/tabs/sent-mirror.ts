import { Code, directConversation, GodwitError } from 'godwit-schemas';
import type { StateChange, Tick } from '../events.js';
import { tickAt } from '../places.js';
import { Handles, SentMessage, type SentHooks } from '../sent.js';
import type { Floor, SentStatus } from './messages.js';

/** As the outbox itself. */
const most = 100_000;

interface Queued {
  readonly sent: SentMessage;
  readonly text: string | undefined;
}

export interface SentMirrorHooks {
  readonly user: string;
  emit(event: StateChange): void;
  retry(sent: SentMessage): Promise<void>;
  discard(sent: SentMessage): Promise<void>;
}

/** The outbox as this tab knows it, and the handles of own messages that may still come further. */
export class SentMirror {
  /** Queued and failed, in order. */
  readonly #queued = new Map<string, Queued>();
  readonly #handles = new Handles();
  readonly #sentHooks: SentHooks;

  constructor(private readonly hooks: SentMirrorHooks) {
    this.#sentHooks = {
      watch: (sent) => {
        if (sent.state !== 'failed' && sent.state !== 'read') this.#handles.add(sent);
      },
      text: (sent) => this.#queued.get(sent.id)?.text,
      retry: hooks.retry,
      discard: hooks.discard,
    };
  }

  list(): SentMessage[] {
    return Array.from(this.#queued.values(), ({ sent }) => sent);
  }

  /** A message of this tab that nobody has kept yet. @throws GodwitError LIMIT_REACHED */
  create(about: Pick<SentStatus, 'id' | 'conversation' | 'text' | 'expiresInS'>): SentMessage {
    if (this.#queued.size >= most) throw new GodwitError(Code.LIMIT_REACHED, `${most} messages are in the outbox`);
    return this.#add(about);
  }

  /** How a message stands with the leader. What is news is told. */
  merge(status: SentStatus): void {
    const { id, conversation, state, seq, sentAtMs, error } = status;
    const sent = this.#find(id);
    if (state === 'failed') this.#failed(sent ?? this.#add(status), error!);
    else if (state === 'queued') this.#kept(sent ?? this.#add(status));
    else if (sent) {
      if (sent.seq === undefined) this.#tell({ type: 'state', conversation, id, state: 'sent', seq: seq! }, sentAtMs);
      this.#ticked(conversation, id, seq!, state);
    }
  }

  /** A state event of the leader. False when it says nothing new. */
  changed({ id, state, seq, error }: StateChange, sentAtMs: number | undefined): boolean {
    const sent = this.#find(id);
    if (!sent) return true;
    switch (state) {
      case 'queued':
        return this.#again(sent);
      case 'failed':
        if (sent.state === 'failed') return false;
        this.#handles.remove(sent);
        sent.fail(error!);
        return true;
      case 'sent':
        this.#queued.delete(id);
        if (sent.seq !== undefined) return false;
        sent.accepted(seq!, sentAtMs!);
        return true;
      default: {
        this.#queued.delete(id);
        sent.seq ??= seq;
        const moved = sent.advance(state);
        if (sent.state === 'read') this.#handles.remove(sent);
        return moved;
      }
    }
  }

  /** A message that failed and that no leader has: it is given to one once more. */
  again(sent: SentMessage): void {
    if (this.#again(sent)) this.hooks.emit({ type: 'state', conversation: sent.conversation, id: sent.id, state: 'queued' });
  }

  /** No leader has taken it. */
  failed(sent: SentMessage, error: GodwitError): void {
    this.#failed(sent, error);
  }

  discarded(id: string): void {
    this.#queued.delete(id);
  }

  /** A new leader: what it has, in its order, and then what it is still to be given. @returns what it has to be asked about. */
  reconcile(outbox: readonly SentStatus[], unanswered: ReadonlySet<string>, floors: ReadonlyMap<string, Floor>): { id: string; conversation: string }[] {
    const before = new Map(this.#queued);
    this.#queued.clear();
    for (const status of outbox) {
      const known = before.get(status.id);
      if (known) this.#queued.set(status.id, known);
      this.merge(status);
    }
    for (const [id, queued] of before) if (!this.#queued.has(id) && unanswered.has(id)) this.#queued.set(id, queued);
    const live = new Map<string, SentMessage>();
    for (const sent of this.#handles.values()) live.set(sent.id, sent);
    for (const [id, { sent }] of before) live.set(id, sent);
    const wanted: { id: string; conversation: string }[] = [];
    for (const { id, conversation, state, seq, disappears } of live.values()) {
      if (this.#queued.has(id) || unanswered.has(id) || state === 'read') continue;
      const floor = floors.get(conversation);
      if (seq === undefined || disappears || !floor) wanted.push({ id, conversation });
      else this.#ticked(conversation, id, seq, tickAt(floor, seq));
    }
    return wanted;
  }

  /** The leader does not know it: another tab has discarded it. */
  unknown(id: string): void {
    const sent = this.#handles.get(id);
    if (!sent) return;
    this.#handles.remove(sent);
    sent.abandon(new GodwitError(Code.UNAVAILABLE, 'the message is not kept any more'));
  }

  abandon(error: GodwitError): void {
    this.#handles.abandon(error);
  }

  #find(id: string): SentMessage | undefined {
    return this.#handles.get(id) ?? this.#queued.get(id)?.sent;
  }

  #add({ id, conversation, text, expiresInS }: Pick<SentStatus, 'id' | 'conversation' | 'text' | 'expiresInS'>): SentMessage {
    const { user } = this.hooks;
    const sent = new SentMessage(id, conversation, this.#sentHooks, conversation === directConversation(user, user), expiresInS);
    this.#queued.set(id, { sent, text });
    this.#handles.add(sent);
    return sent;
  }

  #kept(sent: SentMessage): void {
    this.again(sent);
    if (sent.state === 'queued') sent.keep();
  }

  /** It goes to the end of the queue. */
  #again(sent: SentMessage): boolean {
    if (sent.state !== 'failed') return false;
    const queued = this.#queued.get(sent.id)!;
    this.#queued.delete(sent.id);
    this.#queued.set(sent.id, queued);
    sent.queueAgain();
    this.#handles.add(sent);
    return true;
  }

  #failed(sent: SentMessage, error: GodwitError): void {
    this.#tell({ type: 'state', conversation: sent.conversation, id: sent.id, state: 'failed', error });
  }

  #ticked(conversation: string, id: string, seq: number, state: Tick): void {
    if (state !== 'sent') this.#tell({ type: 'state', conversation, id, state, seq });
  }

  #tell(event: StateChange, sentAtMs?: number): void {
    if (this.changed(event, sentAtMs)) this.hooks.emit(event);
  }
}
