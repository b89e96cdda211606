import type { Engine } from './engine.js';
import { isUnavailable } from './ports/availability.js';
import { forgetDevice } from './ports/devices.js';
import type { Refusal } from './ports/plugin.js';
import { Publish } from './session/publish.js';

/** Removes users, with everything that is kept of them but what they wrote to others. What a crash interrupts, the next start finishes. */
export class Removals {
  private readonly running = new Map<string, Promise<boolean>>();

  constructor(private readonly engine: Engine) {}

  /** Whether the user is being removed: until that is done there is no one of that name. */
  has(user: string): boolean {
    return this.running.has(user);
  }

  /** @returns false: there was no such user; what may be left of them is gone all the same */
  remove(user: string, why: Refusal): Promise<boolean> {
    const known = this.running.get(user);
    if (known) return known;
    const run = this.run(user, why).finally(() => this.running.delete(user));
    this.running.set(user, run);
    return run;
  }

  /** Those that a crash interrupted. To be called before a door opens; where the directory is away, again when it is back: until then nobody is let in. */
  async finish(why: Refusal): Promise<void> {
    try {
      for (const user of await this.engine.storage.directory.removals()) await this.remove(user, why);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
    }
  }

  private async run(user: string, why: Refusal): Promise<boolean> {
    const { storage, host, sessions } = this.engine;
    const { directory, cursors, log } = storage;
    await directory.markRemoval(user, true);
    for (const session of [...sessions.of(user)]) session.end(why);
    for (const { device } of await directory.devicesOf(user)) await forgetDevice(storage, user, device);
    const existed = await directory.removeUser(user);
    this.engine.forgetRoutes();
    await this.queueIsPast();
    await host.userRemoved(user);
    await log.forgetUser(user);
    await cursors.forgetUser(user);
    await storage.conversationSettings.forgetUser(user);
    await directory.markRemoval(user, false);
    return existed;
  }

  /** Everything that was accepted before, on routes that are forgotten now, is in the log. */
  private queueIsPast(): Promise<unknown> {
    return new Promise((resolve) => this.engine.queue.push(new Publish({ accepting: true, settled: resolve }, 0)));
  }
}
