import { clearScreenDown, cursorTo } from 'node:readline';
import type { ReadStream, WriteStream } from 'node:tty';
import ansiEscapes from 'ansi-escapes';

/** Bracketed paste (DECSET 2004): the terminal says where what is pasted begins and ends. Node reads it, and no library turns it on. */
const pasteOn = '\u001b[?2004h';
const pasteOff = '\u001b[?2004l';

/** What is changed of a terminal while the chat has it: a screen of its own, every key at once, pastes told apart. */
export class ScreenModes {
  #entered = false;

  constructor(
    private readonly input: ReadStream,
    private readonly out: WriteStream,
  ) {}

  enter(): void {
    if (this.#entered) return;
    this.#entered = true;
    this.input.setRawMode(true);
    this.out.write(ansiEscapes.enterAlternativeScreen + pasteOn);
    this.clear();
  }

  clear(): void {
    cursorTo(this.out, 0, 0);
    clearScreenDown(this.out);
  }

  /** As it was before, cursor and all. */
  leave(): void {
    if (!this.#entered) return;
    this.#entered = false;
    this.out.write(pasteOff + ansiEscapes.exitAlternativeScreen + ansiEscapes.cursorShow);
    this.input.setRawMode(false);
  }
}
