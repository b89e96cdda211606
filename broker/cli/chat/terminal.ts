import { directConversation } from 'godwit-schemas';
import type { ConnectionChange, Shown } from 'godwit-client';
import { Composer } from './composer.js';
import { inForeground } from './foreground.js';
import { nameWidth } from './lines.js';
import { queuedItems, sendText } from './own.js';
import { Paint } from './paint.js';
import { Paper, type Below } from './paper.js';
import { Screen } from './screen.js';
import type { ChatSession } from './session.js';
import { connectionSays, statusLine, typingMs } from './status.js';
import { Transcript } from './transcript.js';

/** Stored messages that are shown at the start. */
const shownAtStart = 200;
/** Time to say goodbye to the server. */
const goodbyeMs = 2_000;
/** What happens meanwhile is drawn together. */
const drawEveryMs = 16;
/** "next try in 5 s", "was last seen yesterday": the status line goes with the time. */
const clockMs = 1_000;

const help = [
  '/info   who and where you are',
  '/help   this',
  '/quit   leave (or Ctrl-C); what waits here goes out the next time',
  'ticks:  · waits here   ✓ the server has it   ✓✓ delivered   blue ✓✓ read   ✗ refused',
];

/** The talk at a terminal. Resolves when whoever sits there leaves. */
export async function chatAtTerminal(session: ChatSession): Promise<void> {
  await new TerminalChat(session).run();
}

class TerminalChat {
  readonly #conversation: string;
  readonly #transcript = new Transcript();
  readonly #paint = new Paint(process.stdout.hasColors());
  readonly #paper: Paper;
  readonly #composer: Composer;
  #connection: ConnectionChange = { type: 'connection', state: 'idle' };
  #typingUntil = 0;
  #drawing: NodeJS.Timeout | undefined;
  #left!: () => void;
  readonly #leaving = new Promise<void>((resolve) => (this.#left = resolve));

  constructor(private readonly session: ChatSession) {
    const { me, other } = session;
    this.#conversation = directConversation(me, other);
    this.#paper = new Paper(new Screen(process.stdout), this.#transcript, { paint: this.#paint, nameWidth: nameWidth([me, other]) });
    this.#composer = new Composer(process.stdin, {
      line: (text) => this.#entered(text.trim()),
      changed: (text) => this.#typed(text),
      quit: () => this.#left(),
      resumed: () => this.#paper.redraw(this.#below()),
    });
  }

  async run(): Promise<void> {
    const { client, notes } = this.session;
    await this.#showStored();
    for (const note of notes) this.#transcript.note(note);
    this.#listen();
    const resized = (): void => this.#paper.redraw(this.#below());
    process.stdout.on('resize', resized);
    process.on('SIGTERM', this.#left).on('SIGHUP', this.#left);
    const clock = setInterval(() => (inForeground() ? this.#draw() : this.#left()), clockMs);
    this.#drawNow();
    client.connect().catch(() => {}); // the status line says why
    await this.#leaving;
    clearInterval(clock);
    clearTimeout(this.#drawing);
    process.stdout.off('resize', resized);
    this.#composer.close();
    if (inForeground()) this.#paper.leave(this.#farewell());
    await Promise.race([client.close(), new Promise((resolve) => setTimeout(resolve, goodbyeMs).unref())]);
  }

  async #showStored(): Promise<void> {
    const { client, other } = this.session;
    for (const shown of await client.messages(other, { limit: shownAtStart })) this.#transcript.add(shown);
    for (const item of queuedItems(client, other)) this.#transcript.queue(item);
    this.#markRead();
  }

  #listen(): void {
    const { client, me, other } = this.session;
    const show = (shown: Shown): void => this.#show(shown);
    const note = (error: Error): void => this.#note(error.message);
    client.on('message', show);
    client.on('gap', show);
    client.on('undecodable', show);
    client.on('error', ({ error }) => note(error));
    client.on('presence', () => this.#draw());
    client.on('state', (change) => {
      if (change.conversation === this.#conversation) this.#transcript.moved(me, change);
      this.#draw();
    });
    client.on('typing', ({ conversation, from }) => {
      if (conversation === this.#conversation && from === other) this.#typingUntil = Date.now() + typingMs;
      this.#draw();
    });
    client.on('connection', (change) => {
      this.#connection = change;
      if (change.state !== 'connected') this.#typingUntil = 0;
      this.#draw();
    });
    if (me !== other) client.presence.watch(other).catch(note);
  }

  #show(shown: Shown): void {
    const message = shown.type === 'undecodable' ? shown.message : shown;
    if (message && message.conversation !== this.#conversation) return this.#elsewhere(message);
    if (shown.type === 'message' && !shown.own) this.#typingUntil = 0;
    this.#transcript.add(shown);
    this.#markRead();
    this.#draw();
  }

  /** This device takes the messages of all conversations. They are kept, and not marked as read. */
  #elsewhere(shown: Exclude<Shown, { type: 'undecodable' }>): void {
    if (shown.type !== 'message' || shown.own || shown.again) return;
    this.#note(`${shown.from} wrote to you: \`godwit chat ${this.session.me} ${shown.from}\` shows it`);
  }

  #entered(text: string): void {
    const { client, other } = this.session;
    if (text === '/quit') return this.#left();
    if (text === '/help') for (const line of help) this.#transcript.note(line);
    else if (text === '/info') for (const line of this.#info()) this.#transcript.note(line);
    else if (/^\/[a-z]+$/.test(text)) this.#transcript.note(`there is no ${text}: /help says what there is`);
    else if (text !== '') this.#transcript.queue(sendText(client, other, text).item);
    this.#drawNow();
  }

  #info(): string[] {
    const { client, server, folder } = this.session;
    const situation = { connection: this.#connection, waiting: this.#transcript.waiting, nowMs: Date.now() };
    return [`you are ${client.user}, on the device ${client.device}`, `at ${server.mqtt}: ${connectionSays(situation)}`, `messages are kept in ${folder}`];
  }

  #typed(text: string): void {
    if (text !== '' && !text.startsWith('/')) this.session.client.typing(this.session.other);
    this.#drawNow();
  }

  /** What is shown counts as read. */
  #markRead(): void {
    const { lastReceived } = this.#transcript;
    if (lastReceived > 0) this.session.client.markRead(this.session.other, lastReceived).catch((error: Error) => this.#note(error.message));
  }

  #note(text: string): void {
    this.#transcript.note(text);
    this.#draw();
  }

  #draw(): void {
    this.#drawing ??= setTimeout(() => this.#drawNow(), drawEveryMs);
  }

  #drawNow(): void {
    clearTimeout(this.#drawing);
    this.#drawing = undefined;
    this.#paper.draw(this.#below());
  }

  #below(): Below {
    const { width, rows } = this.#paper;
    const { lines, row, column } = this.#composer.lines(width, Math.max(1, Math.floor(rows / 3)));
    return { lines: [this.#status(), ...lines], row: row + 1, column };
  }

  #status(): string {
    const { client, me, other } = this.session;
    const nowMs = Date.now();
    const situation = {
      other: me === other ? 'note to self' : other,
      presence: client.presence.of(other),
      typing: nowMs < this.#typingUntil,
      connection: this.#connection,
      waiting: this.#transcript.waiting,
      nowMs,
    };
    return statusLine(situation, this.#paper.width, this.#paint);
  }

  #farewell(): string[] {
    const { waiting } = this.#transcript;
    if (waiting === 0) return [];
    return [this.#paint.dim(waiting === 1 ? '- a message waits here: the next chat sends it' : `- ${waiting} messages wait here: the next chat sends them`)];
  }
}
