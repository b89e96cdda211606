import { directConversation, peerOf } from 'godwit-schemas';
import { liveConversations, type Client, type ConnectionChange, type ConversationInfo, type Message, type Shown, type StateChange } from 'godwit-client';
import { typingMs } from '../status.js';
import { titleOf } from './names.js';
import { Conversations, pointedOut } from './conversations.js';
import { emptyDraft, type Draft } from './draft.js';
import { groupOf, Groups } from './groups.js';
import { compose, nothingSeen, type Mode, type Purpose, type Results, type View } from './mode.js';
import { Finder } from './search.js';
import { Talk, type Entry } from './talk.js';
import { bottomAt, RowCache, type Bottom } from './viewport.js';

export interface ChatHooks {
  /** Something is to be drawn. */
  changed(): void;
  quit(): void;
  /** Whether anyone can see it. */
  seen(): boolean;
  /** Adds a user who is not there yet, where that can be done from here. @returns what was done, for people */
  introduce(user: string): Promise<string[]>;
  /** Who and where one is, for `/info`. */
  info(): string[];
}

/** Messages read from the store at a time. */
const page = 100;

/** Entries that are shown behind one that is gone to. */
const shownAfter = 4;

/** All that a terminal shows of a client, and what its keys change. Knows nothing of terminals. */
export class Chat {
  readonly list = new Conversations();
  readonly groups: Groups;
  readonly finder: Finder;
  readonly cache = new RowCache();
  talk: Talk | undefined;
  mode: Mode = compose;
  purpose: Purpose | undefined;
  /** Said once, until the next key. */
  notice: string | undefined;
  connection: ConnectionChange = { type: 'connection', state: 'idle' };
  bottom: Bottom;
  view = nothingSeen;
  #drafts = new Map<string, Draft>();
  /** Who typed last in a conversation, and until when that holds. */
  #typing = new Map<string, { from: string; until: number }>();
  #loading: Promise<void> | undefined;

  constructor(
    readonly client: Client,
    readonly hooks: ChatHooks,
  ) {
    this.groups = new Groups(client, hooks.changed);
    this.finder = new Finder(client);
  }

  get me(): string {
    return this.client.user;
  }

  /** @param other whom to talk with first; undefined: the list is shown */
  async start(other: string | undefined): Promise<void> {
    this.#listen();
    await this.#follow();
    if (other !== undefined) await this.open(directConversation(this.me, other));
    else this.mode = { kind: 'list', at: undefined };
  }

  get draft(): Draft {
    return this.#drafts.get(this.talk?.conversation ?? '') ?? emptyDraft;
  }

  set draft(draft: Draft) {
    this.#drafts.set(this.talk?.conversation ?? '', draft);
  }

  /** Shows a conversation, from its end. */
  async open(conversation: string): Promise<void> {
    this.mode = compose;
    await this.#show(conversation);
  }

  async #show(conversation: string): Promise<void> {
    if (this.talk?.conversation === conversation) return;
    this.leavePurpose();
    this.#know(conversation, () => this.list.add(conversation));
    this.talk = new Talk(conversation, { atMs: this.client.serverTimeMs(), readTo: this.list.get(conversation)!.ownRead });
    this.bottom = undefined;
    this.#loading = undefined;
    for (const sent of this.client.outbox()) if (sent.conversation === conversation) this.#waits(sent.id);
    await this.loadOlder();
  }

  /** Reads what comes before what is loaded. */
  loadOlder(): Promise<void> {
    const { talk } = this;
    if (!talk || talk.complete) return Promise.resolve();
    return (this.#loading ??= this.#load(talk).finally(() => {
      if (this.talk === talk) this.#loading = undefined;
      this.hooks.changed();
    }));
  }

  /** Shows a message that was found, and chooses it, unless something else is done meanwhile. Until then nothing is seen, and counts as read. */
  async goTo({ conversation, seq, id }: Message, mode: Results): Promise<void> {
    await this.#show(conversation);
    const { talk } = this;
    const wanted = (): boolean => this.mode === mode && this.talk === talk;
    while (talk && wanted() && !talk.complete && (talk.oldest ?? Infinity) > seq) await this.loadOlder();
    if (!wanted()) return;
    const entries = this.entries();
    const at = entries.findIndex(({ key }) => key === id);
    if (at === -1) return this.note('this message is not there any more');
    this.mode = { kind: 'select', key: id };
    const below = entries[at + shownAfter];
    this.bottom = below && { key: below.key, row: 0 };
  }

  entries(): Entry[] {
    return this.talk?.entries(this.client.serverTimeMs()) ?? [];
  }

  /** The entry that is chosen. */
  get chosen(): Entry | undefined {
    const { mode } = this;
    if (mode.kind !== 'select' && mode.kind !== 'react' && mode.kind !== 'delete') return undefined;
    return this.entries().find(({ key }) => key === mode.key);
  }

  /** The entry that the command is about which is being written. */
  get about(): Entry | undefined {
    const { mode } = this;
    return mode.kind === 'compose' && mode.about !== undefined && this.draft.text.startsWith('/') ? this.entries().find(({ key }) => key === mode.about) : undefined;
  }

  /** What a conversation is called. */
  title(conversation: string): string {
    return titleOf(conversation, this.me, this.groups.name(conversation));
  }

  /** Who types there; undefined: nobody. */
  typing(conversation: string): string | undefined {
    const typing = this.#typing.get(conversation);
    return typing && Date.now() < typing.until ? typing.from : undefined;
  }

  /** Own messages that wait here, of all conversations. */
  get waiting(): number {
    return this.client.outbox().filter(({ state }) => state === 'queued').length;
  }

  /** What others said elsewhere, but where that is muted. */
  get unreadElsewhere(): number {
    return this.list.list().reduce((sum, info) => (info.conversation === this.talk?.conversation || !pointedOut(info) ? sum : sum + info.unread), 0);
  }

  /** A reply or an edit is given up: what was being written before is back. */
  leavePurpose(): void {
    if (this.purpose?.kind === 'edit') this.draft = this.purpose.kept;
    this.purpose = undefined;
  }

  note(text: string): void {
    this.notice = text;
    this.hooks.changed();
  }

  readonly complain = (error: unknown): void => this.note(error instanceof Error ? error.message : String(error));

  /** It was drawn. What is seen counts as read. */
  drawn(view: View): void {
    this.view = view;
    if (this.mode.kind === 'panel' && view.from !== undefined) this.mode = { ...this.mode, from: view.from };
    // While one chooses, what comes moves nothing.
    if (this.mode.kind === 'select') this.bottom = bottomAt(view.rows, view.end);
    const { talk } = this;
    if (!talk) return;
    // On the way to a message that was found, all that is loaded is wanted.
    if (this.bottom === undefined && this.mode.kind !== 'results') talk.trim();
    if (view.height > 0 && view.top === 0 && !talk.complete) void this.loadOlder().catch(this.complain);
    if (view.seen <= talk.readTo || !this.hooks.seen()) return;
    talk.readTo = view.seen;
    this.client.markRead(talk.conversation, view.seen).catch(this.complain);
  }

  async #load(talk: Talk): Promise<void> {
    const { oldest } = talk;
    const connected = (): boolean => this.client.connection === 'connected';
    const asked = connected();
    try {
      const shown = await this.client.messages(talk.conversation, { limit: page, ...(oldest !== undefined && { before: oldest }) });
      // The server may have what lies before: where there is a connection since, it is asked.
      talk.addOlder(shown, shown.length < page && asked === connected());
    } catch (error) {
      // It is not asked again and again.
      talk.complete = true;
      throw error;
    }
  }

  /** A conversation of the list, and whether the other is there. */
  #know(conversation: string, enter: () => void): void {
    const known = this.list.get(conversation);
    enter();
    const other = peerOf(conversation, this.me);
    if (!known && other !== undefined && other !== this.me) this.client.presence.watch(other).catch(this.complain);
  }

  /** Keeps to the list, whatever changes it, and wherever. Resolves when it is there. */
  #follow(): Promise<void> {
    const live = liveConversations(this.client);
    return new Promise((resolve) => {
      live.subscribe(() => {
        const { conversations, loading, error } = live.getSnapshot();
        for (const info of conversations) this.#told(info);
        if (error) this.complain(error);
        if (!loading) resolve();
        this.hooks.changed();
      });
    });
  }

  #told(info: ConversationInfo): void {
    this.#know(info.conversation, () => this.list.set(info));
    if (info.conversation === this.talk?.conversation) this.talk.readElsewhere(info.ownRead);
  }

  #listen(): void {
    const { client, hooks } = this;
    const show = (shown: Shown): void => this.#came(shown);
    client.on('message', show);
    client.on('gap', show);
    client.on('undecodable', show);
    client.on('changed', ({ message }) => this.#changed(message));
    client.on('cleared', ({ conversation, to }) => this.#cleared(conversation, to));
    client.on('state', (change) => this.#moved(change));
    client.on('presence', () => hooks.changed());
    client.on('error', ({ error }) => this.complain(error));
    client.on('typing', ({ conversation, from }) => {
      if (from !== this.me) this.#typing.set(conversation, { from, until: Date.now() + typingMs });
      hooks.changed();
    });
    client.on('connection', (change) => {
      this.connection = change;
      if (change.state !== 'connected') this.#typing.clear();
      else this.#connected();
      hooks.changed();
    });
  }

  #connected(): void {
    this.groups.load().catch(this.complain);
    // The beginning of what is stored here is not that of the conversation: a new device has none of it.
    if (this.talk) this.talk.complete = false;
  }

  #changed(message: Message): void {
    if (message.conversation === this.talk?.conversation) this.talk.changed(message);
    const { mode } = this;
    const isIt = ({ conversation, seq }: Message): boolean => conversation === message.conversation && seq === message.seq;
    if (mode.kind === 'results' && mode.found.some(isIt)) this.mode = { ...mode, found: mode.found.map((one) => (isIt(one) ? message : one)) };
    this.hooks.changed();
  }

  #cleared(conversation: string, to: number): void {
    if (conversation === this.talk?.conversation) this.talk.clear(to);
    const { mode } = this;
    if (mode.kind === 'results') {
      const found = mode.found.filter((message) => message.conversation !== conversation || message.seq > to);
      this.mode = { ...mode, found, at: Math.max(0, Math.min(mode.at, found.length - 1)) };
    } else if ('key' in mode && !this.chosen) this.mode = compose;
    this.hooks.changed();
  }

  #came(shown: Shown): void {
    const conversation = shown.type === 'undecodable' ? shown.message?.conversation : shown.conversation;
    if (conversation === undefined) return this.note(`something came that is no message: ${(shown as { reason: string }).reason}`);
    if (shown.type === 'message' && !shown.own) this.#typing.delete(conversation);
    // Who was removed is told, and may not ask.
    if (shown.type === 'message' && shown.content.kind === 'event' && groupOf(conversation) !== '') this.groups.look(conversation).catch(() => {});
    if (conversation === this.talk?.conversation) this.talk.add(shown);
    this.hooks.changed();
  }

  #moved(change: StateChange): void {
    const { talk } = this;
    if (change.conversation === talk?.conversation) {
      if (change.state === 'queued' || change.state === 'failed') this.#waits(change.id);
      else if (talk.waits(change.id) && change.seq !== undefined) this.#placed(talk, change.id, change.seq).catch(this.complain);
      else talk.ticked(change);
    } else if (change.state === 'failed') this.notice = `not sent to ${this.title(change.conversation)}: ${change.error?.message ?? 'refused'}`;
    this.hooks.changed();
  }

  /** It has its place: what stands there takes its own. */
  async #placed(talk: Talk, id: string, seq: number): Promise<void> {
    const [shown] = await this.client.messages(talk.conversation, { before: seq + 1, limit: 1 });
    if (shown?.type === 'message' && shown.seq === seq) talk.add(shown);
    talk.forget(id);
    this.hooks.changed();
  }

  #waits(id: string): void {
    const sent = this.client.outbox().find((one) => one.id === id);
    if (!sent || !this.talk) return;
    // A change of another message is worth a word only when it was refused.
    if (sent.text !== undefined ? !this.talk.waits(id) : sent.state === 'failed') this.talk.wait(sent, sent.text, 0);
  }
}
