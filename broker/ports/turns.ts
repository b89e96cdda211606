/** Work that must not run at the same time as other work of the same name: one after the other, in the order of the calls. */
export class Turns {
  private readonly last = new Map<string, Promise<unknown>>();

  /** Runs when everything of that name that was asked for before has ended, however. */
  async take<T>(name: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.last.get(name) ?? Promise.resolve()).then(work, work);
    this.last.set(name, turn);
    try {
      return await turn;
    } finally {
      if (this.last.get(name) === turn) this.last.delete(name);
    }
  }
}
