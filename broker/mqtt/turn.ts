import type { Output } from './output.js';

/**
 * The end of a turn of the event loop. Sockets are read in the poll phase, and completions of the disk arrive there
 * too; what they cause is gathered, and done once in the check phase right after: pumps first, then the commit,
 * then one write for each connection.
 */
export class Turn {
  private scheduled = false;
  private readonly outputs: Output[] = [];
  private readonly steps: (() => void)[] = [];

  readonly markDirty = (output: Output): void => {
    this.outputs.push(output);
    this.schedule();
  };

  /** Steps run in the order in which they were added, at every turn. */
  addStep(step: () => void): void {
    this.steps.push(step);
  }

  schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(this.run);
  }

  private readonly run = (): void => {
    this.scheduled = false;
    for (const step of this.steps) step();
    const outputs = this.outputs;
    for (let i = 0; i < outputs.length; i++) outputs[i].flush();
    outputs.length = 0;
  };
}
