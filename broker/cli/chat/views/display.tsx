import { Writable } from 'node:stream';
import { render, type Instance } from 'ink';
import type { Frame, Size } from '../model/frame.js';
import { ScreenView } from './screen.js';

/** What Ink draws on: a terminal of the size that the frames are made for. */
class Canvas extends Writable {
  readonly isTTY = true;
  readonly columns: number;
  /** Frames are lower than the screen. Where one does not seem to be, Ink would clear the terminal's own text too. */
  readonly rows = Number.MAX_SAFE_INTEGER;
  /** Nothing more is written. */
  done = false;

  constructor(
    private readonly out: NodeJS.WritableStream,
    { columns }: Size,
  ) {
    super({ decodeStrings: false });
    this.columns = columns;
  }

  override _write(chunk: string | Buffer, _encoding: string, written: () => void): void {
    if (!this.done) this.out.write(chunk);
    written();
  }
}

/** Draws frames with Ink. */
export class Display {
  #canvas: Canvas | undefined;
  #ink: Instance | undefined;

  constructor(
    private readonly out: NodeJS.WritableStream,
    private readonly input: NodeJS.ReadStream,
  ) {}

  draw(frame: Frame, size: Size): void {
    const view = <ScreenView frame={frame} />;
    if (this.#ink) return this.#ink.rerender(view);
    this.#canvas = new Canvas(this.out, size);
    this.#ink = render(view, {
      // Ink asks for the methods of a terminal only where it is one: those that it uses are here.
      stdout: this.#canvas as unknown as NodeJS.WriteStream,
      stdin: this.input,
      exitOnCtrlC: false,
      patchConsole: false,
      maxFps: 60,
    });
  }

  /** Forgets what was drawn: the next frame is drawn on an empty screen, with the cursor at its beginning. */
  forget(): void {
    if (this.#canvas) this.#canvas.done = true;
    this.#ink?.unmount();
    this.#ink = undefined;
  }
}
