/** The server's clock in a test's hand. It goes on as time does, and jumps when the test says so. */
export class Clock {
  private ahead = 0;
  private stoppedAt: number | undefined;

  readonly now = (): number => (this.stoppedAt ?? Date.now()) + this.ahead;

  advance(ms: number): void {
    this.ahead += ms;
  }

  /** From now on it moves by `advance` alone. */
  stop(): void {
    this.stoppedAt ??= Date.now();
  }
}
