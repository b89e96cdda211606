import { createClient, memoryStore, type Client, type Store } from 'godwit-client';
import { press } from '../../broker/cli/chat/keys/press.js';
import { Chat } from '../../broker/cli/chat/model/chat.js';
import { frameOf, type Size } from '../../broker/cli/chat/model/frame.js';
import { textOf } from '../../broker/cli/chat/model/spans.js';
import { tokenFor, type Address } from '../support/address.js';
import type { Scope } from '../support/folder.js';
import { Recorder } from '../support/recorder.js';

/** Cleans up backwards: who is connected goes before the server, and the server before its folder. */
export function backwards(t: Scope): Scope {
  const cleaning: (() => unknown)[] = [];
  t.after(async () => {
    for (const clean of cleaning.reverse()) await clean();
  });
  return { after: (clean) => void cleaning.push(clean) };
}

/** A user without a terminal, whom the server knows then. */
export async function device(t: Scope, server: Address, user: string): Promise<Client> {
  const client = await createClient({ url: `mqtt://127.0.0.1:${server.mqttPort}`, token: () => tokenFor(server, user), store: memoryStore() });
  t.after(() => client.close());
  await client.connect();
  return client;
}

export interface SeatOptions {
  /** Whom to talk with; left out: the list. */
  other?: string;
  store?: Store;
  size?: Partial<Size>;
  /** Nobody looks. */
  unseen?: boolean;
}

/** Someone who chats without a terminal: keys go in, screens come out. */
export class Seat {
  size: Size;
  unseen: boolean;
  left = false;
  readonly chat: Chat;
  readonly #screens = new Recorder<string>('the screen', (screen) => `${screen}\n${'='.repeat(20)}`);
  #drawing: NodeJS.Immediate | undefined;

  private constructor(
    readonly client: Client,
    { size, unseen = false }: SeatOptions,
  ) {
    this.size = { columns: 60, rows: 20, coloured: true, ...size };
    this.unseen = unseen;
    this.chat = new Chat(client, {
      changed: () => void (this.#drawing ??= setImmediate(() => this.draw())),
      quit: () => void (this.left = true),
      seen: () => !this.unseen,
      introduce: async () => [],
      info: () => [`you are ${client.user}`],
    });
  }

  /** Connected, with the first screen drawn. */
  static async take(t: Scope, server: Address, user: string, options: SeatOptions = {}): Promise<Seat> {
    const client = await createClient({ url: `mqtt://127.0.0.1:${server.mqttPort}`, token: () => tokenFor(server, user), store: options.store ?? memoryStore() });
    const seat = new Seat(client, options);
    t.after(() => {
      clearImmediate(seat.#drawing);
      return client.close();
    });
    await seat.chat.start(options.other);
    await client.connect();
    seat.draw();
    return seat;
  }

  draw(): void {
    this.#drawing = undefined;
    const frame = frameOf(this.chat, this.size, Date.now());
    this.chat.drawn(frame.view);
    this.#screens.add(frame.lines.map((line) => textOf(line).trimEnd()).join('\n'));
  }

  get screen(): string {
    this.draw();
    return this.#screens.all.at(-1)!;
  }

  /** Waits until the screen is so. */
  async shows(expected: RegExp): Promise<string> {
    this.draw();
    return this.#screens.wait(String(expected), (screen) => expected.test(screen), this.#screens.all.length - 1);
  }

  /** Presses keys, by their names. */
  keys(...names: string[]): void {
    for (const name of names) {
      press(this.chat, { name, text: '' });
      this.draw();
    }
  }

  type(text: string): void {
    for (const one of text) press(this.chat, { name: 'text', text: one });
    this.draw();
  }

  paste(text: string): void {
    press(this.chat, { name: 'paste', text });
    this.draw();
  }

  /** Writes a line and enters it. */
  say(text: string): void {
    this.type(text);
    this.keys('enter');
  }
}
