import type { Socket } from 'node:net';

/** Pieces of a slow line, ms apart. */
const PIECE_MS = 20;

/** One direction of a connection through a link. */
export class Flow {
  /** Nothing is forwarded any more. */
  stopped = false;
  private held = false;
  private slow: { delayMs: number; bytesPerPiece: number } | undefined;
  /** What a slow line has taken and not given yet. */
  private line: { due: number; bytes: Buffer }[] = [];
  private timer: NodeJS.Timeout | undefined;
  private breaking: { afterBytes: number; broken: () => void } | undefined;
  private ended = false;

  constructor(private readonly from: Socket, private readonly to: Socket, private readonly change: (chunk: Buffer) => Buffer = (chunk) => chunk) {
    from.on('data', (chunk: Buffer) => this.take(chunk));
    from.on('end', () => {
      this.ended = true;
      this.endIfEmpty();
    });
    to.on('drain', () => this.readIfFree());
  }

  stop(): void {
    this.stopped = true;
    this.line = [];
    clearInterval(this.timer);
    this.timer = undefined;
    this.from.pause();
  }

  hold(): void {
    this.held = true;
    this.from.pause();
  }

  release(): void {
    this.held = false;
    this.readIfFree();
  }

  slowDown(delayMs: number, bytesPerSecond: number): void {
    this.slow = { delayMs, bytesPerPiece: Math.max(1, Math.round((bytesPerSecond * PIECE_MS) / 1_000)) };
  }

  /** What is on the line still goes before what comes. */
  speedUp(): void {
    this.slow = undefined;
    for (const piece of this.line) piece.due = 0;
  }

  breakAfter(afterBytes: number, broken: () => void): void {
    this.breaking = { afterBytes, broken };
  }

  private take(chunk: Buffer): void {
    if (this.stopped) return;
    const bytes = this.change(chunk);
    if (!this.slow && this.line.length === 0) return this.give(bytes);
    this.line.push({ due: Date.now() + (this.slow?.delayMs ?? 0), bytes });
    this.timer ??= setInterval(() => this.drip(), PIECE_MS);
    this.from.pause();
  }

  private drip(): void {
    if (this.held) return;
    const [first] = this.line;
    if (first && first.due > Date.now()) return;
    if (first) {
      const size = this.slow?.bytesPerPiece ?? first.bytes.length;
      const piece = first.bytes.subarray(0, size);
      first.bytes = first.bytes.subarray(size);
      if (first.bytes.length === 0) this.line.shift();
      this.give(piece);
    }
    if (this.line.length > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
    this.endIfEmpty();
    this.readIfFree();
  }

  private give(bytes: Buffer): void {
    const { breaking } = this;
    if (breaking && bytes.length > breaking.afterBytes) {
      this.to.write(bytes.subarray(0, breaking.afterBytes), () => breaking.broken());
      this.stop();
      return;
    }
    if (breaking) breaking.afterBytes -= bytes.length;
    if (bytes.length > 0 && !this.to.write(bytes)) this.from.pause();
  }

  private readIfFree(): void {
    if (!this.stopped && !this.held && this.line.length === 0 && !this.to.writableNeedDrain) this.from.resume();
  }

  private endIfEmpty(): void {
    if (this.ended && !this.stopped && this.line.length === 0) this.to.end();
  }
}
