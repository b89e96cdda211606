/** The server's clock in a test's hand. It goes on as time does, and jumps when the test says so. */
export class Clock {
  private ahead = 0;

  readonly now = (): number => Date.now() + this.ahead;

  advance(ms: number): void {
    this.ahead += ms;
  }
}
