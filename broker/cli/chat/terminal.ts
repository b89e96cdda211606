import { inForeground } from './foreground.js';
import { press } from './keys/press.js';
import { readKeys, type Key } from './keys/reader.js';
import { Chat } from './model/chat.js';
import { frameOf, type Size } from './model/frame.js';
import { ScreenModes } from './screen-modes.js';
import type { ChatSession } from './session.js';
import { connectionSays } from './status.js';
import type { Display } from './views/display.js';

/** Time to say goodbye to the server. */
const goodbyeMs = 2_000;
/** What happens meanwhile is drawn together. */
const drawEveryMs = 16;
/** "next try in 5 s", "was last seen yesterday": what is shown goes with the time. */
const clockMs = 1_000;

/** The talk at a terminal. Resolves when whoever sits there leaves. */
export async function chatAtTerminal(session: ChatSession): Promise<void> {
  await new TerminalChat(session, await openDisplay()).run();
}

/** Loads what draws, only here: no other command has to wait for it. */
async function openDisplay(): Promise<Display> {
  // React takes its time and memory for developers unless it is told, Ink's colours do not know NO_COLOR, and Ink draws
  // nothing where it believes that nobody looks: here someone does.
  process.env.NODE_ENV ??= 'production';
  if (!process.stdout.hasColors()) process.env.FORCE_COLOR = '0';
  delete process.env.CI;
  delete process.env.CONTINUOUS_INTEGRATION;
  const { Display } = await import('./views/display.js');
  return new Display(process.stdout, process.stdin);
}

class TerminalChat {
  readonly #chat: Chat;
  readonly #modes = new ScreenModes(process.stdin, process.stdout);
  readonly #coloured = process.stdout.hasColors();
  #drawing: NodeJS.Timeout | undefined;
  /** The terminal is: not yet, or not any more, and what is there must not be drawn on. */
  #ours = false;
  #left!: () => void;
  readonly #leaving = new Promise<void>((resolve) => (this.#left = resolve));

  constructor(
    private readonly session: ChatSession,
    private readonly display: Display,
  ) {
    this.#chat = new Chat(session.client, {
      changed: () => this.#draw(),
      quit: () => this.#left(),
      seen: inForeground,
      introduce: (user) => session.introduce([user]),
      info: () => this.#info(),
    });
  }

  async run(): Promise<void> {
    const { client, notes, other } = this.session;
    await this.#chat.start(other);
    if (notes.length > 0) this.#chat.notice = notes.join('; ');
    const undo = this.#take();
    try {
      this.#drawNow();
      client.connect().catch(() => {}); // the header says why
      await this.#leaving;
    } finally {
      undo();
    }
    const { waiting } = this.#chat;
    if (waiting > 0 && inForeground()) process.stdout.write(`${waiting === 1 ? 'a message waits' : `${waiting} messages wait`} here: the next chat sends ${waiting === 1 ? 'it' : 'them'}\n`);
    await Promise.race([client.close(), new Promise((resolve) => setTimeout(resolve, goodbyeMs).unref())]);
  }

  /** Takes the terminal. @returns gives it back */
  #take(): () => void {
    const giveBack = (): void => {
      this.display.forget();
      this.#modes.leave();
    };
    const resized = (): void => this.#drawAnew();
    // However this process ends; before Ink's own farewell, which would draw on what is not ours any more.
    process.prependListener('exit', giveBack);
    // EIO: the terminal is gone.
    process.stdin.on('error', this.#left).on('end', this.#left);
    for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT'] as const) process.on(signal, this.#left);
    process.on('SIGCONT', resized);
    process.stdout.on('resize', resized);
    this.#modes.enter();
    this.#ours = true;
    const deaf = readKeys(process.stdin, (key) => this.#pressed(key));
    const clock = setInterval(() => (inForeground() ? this.#draw() : this.#left()), clockMs);
    return () => {
      this.#ours = false;
      clearInterval(clock);
      clearTimeout(this.#drawing);
      process.stdout.off('resize', resized);
      process.off('SIGCONT', resized);
      deaf();
      process.stdin.pause();
      giveBack();
    };
  }

  #pressed(key: Key): void {
    if (key.name === 'ctrl-z') this.#suspend();
    else if (key.name === 'ctrl-l') this.#drawAnew();
    else press(this.#chat, key);
  }

  /** To the shell, until it says `fg`. */
  #suspend(): void {
    this.display.forget();
    this.#modes.leave();
    // All that the shell started with us, as the terminal would do: `npx` must not go on waiting.
    process.kill(0, 'SIGTSTP');
    // Without a shell that could bring it back, nothing stops.
    setImmediate(() => this.#drawAnew());
  }

  /** Nobody knows which row is where. */
  #drawAnew(): void {
    this.display.forget();
    this.#modes.enter();
    this.#modes.clear();
    this.#drawNow();
  }

  #draw(): void {
    if (this.#ours) this.#drawing ??= setTimeout(() => this.#drawNow(), drawEveryMs);
  }

  #drawNow(): void {
    clearTimeout(this.#drawing);
    this.#drawing = undefined;
    const size: Size = { columns: process.stdout.columns || 80, rows: process.stdout.rows || 24, coloured: this.#coloured };
    const frame = frameOf(this.#chat, size, Date.now());
    this.display.draw(frame, size);
    this.#chat.drawn(frame.view);
  }

  #info(): string[] {
    const { client, server, folder } = this.session;
    const { connection, waiting } = this.#chat;
    return [`you are ${client.user}, on the device ${client.device}`, `at ${server.mqtt}: ${connectionSays({ connection, waiting, nowMs: Date.now() })}`, `messages are kept in ${folder}`];
  }
}
