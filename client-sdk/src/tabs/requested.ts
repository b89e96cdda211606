import { Code, GodwitError } from 'godwit-schemas';
import type { Client } from '../client.js';
import type { Engine } from '../engine.js';
import type { Sent } from '../sent.js';
import type { Answer, Params, Request, SentStatus } from './messages.js';
import { findSent, statusOf } from './sent-status.js';
import type { Rest, Tallies } from './tallies.js';

export interface RequestedHooks {
  readonly tallies: Tallies;
  /** A new message is about to be kept. */
  taken(sent: Sent): void;
  /** It is, or has failed. */
  kept(status: SentStatus): void;
  discarded(id: string): void;
  /** A tab is in background. Resolves when the connection is as it is then to be. */
  rests(tab: string, rest: Rest): Promise<void>;
  connects(tab: string): void;
  closing(): boolean;
}

/** Does what tabs ask for: once, also where an earlier leader was asked too. */
export class Requested {
  /** Messages are taken one after the other: one that may be known is looked for before the next is taken. */
  #sends: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly device: { readonly client: Client; readonly engine: Engine },
    private readonly hooks: RequestedHooks,
  ) {}

  /** @returns the answer. */
  async take(tab: string, { name, params }: Request, again: boolean): Promise<unknown> {
    const { client, engine } = this.device;
    switch (name) {
      case 'connect': {
        this.hooks.tallies.connects(tab);
        const connected = client.connect();
        this.hooks.connects(tab);
        return connected;
      }
      case 'send': {
        const taken = this.#sends.then(() => this.#take(params, again));
        this.#sends = taken.catch(() => {});
        return (await taken)();
      }
      case 'follow':
        return findSent(engine, params);
      case 'retry':
        return this.#failed(params.id, again, (sent) => sent.retry());
      case 'discard':
        await this.#failed(params.id, again, (sent) => sent.discard());
        return this.hooks.discarded(params.id);
      case 'messages':
        return client.messages(params.conversation, params.options);
      case 'markRead':
        return client.markRead(params.conversation, params.seq);
      case 'setConversation':
        return client.setConversation(params.conversation, params.settings);
      case 'clearConversation':
        return engine.settings.clear(params.conversation, params.callId, again);
      case 'conversations':
        return client.conversations();
      case 'background':
        return this.hooks.rests(tab, params.rest);
      case 'watch':
        return this.#watch(tab, params);
      case 'unwatch':
        if (this.hooks.tallies.unwatch(tab, params.user)) await client.presence.unwatch(params.user);
        return undefined;
      case 'call': {
        const { method, request, timeoutMs, callId } = params;
        return engine.calls.call(method, request, timeoutMs === undefined ? {} : { timeoutMs }, callId);
      }
    }
  }

  /** @returns what waits until the message is kept, or has failed. */
  async #take({ head, bytes }: Params<'send'>, again: boolean): Promise<() => Promise<SentStatus>> {
    const { engine } = this.device;
    if (again) {
      const [known] = await findSent(engine, [head]);
      if (known) return async () => known;
    }
    // What is taken now might not be kept: the next leader takes it.
    if (this.hooks.closing()) throw new GodwitError(Code.UNAVAILABLE, 'another tab takes over');
    const { sent, kept } = engine.enqueue(head, bytes);
    this.hooks.taken(sent);
    return async () => {
      await kept;
      const status = statusOf(sent);
      this.hooks.kept(status);
      return status;
    };
  }

  async #failed(id: string, again: boolean, act: (sent: Sent) => Promise<void>): Promise<undefined> {
    const sent = this.device.engine.outboxStore.find(id);
    // An earlier leader has done it.
    if (again && sent?.state !== 'failed') return;
    if (!sent) throw new GodwitError(Code.CONFLICT, 'the message has not failed');
    await act(sent);
  }

  async #watch(tab: string, { user }: Params<'watch'>): Promise<Answer<'watch'>> {
    const { presence } = this.device.client;
    this.hooks.tallies.watch(tab, user);
    try {
      await presence.watch(user);
    } catch (error) {
      this.hooks.tallies.unwatch(tab, user);
      throw error;
    }
    return presence.of(user);
  }
}
