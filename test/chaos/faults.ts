import { setTimeout as sleep } from 'node:timers/promises';
import type { Clients } from './clients.js';
import type { Filler } from './disk.js';
import type { Fault, FaultKind } from './fault-plan.js';
import { clock } from './journal.js';
import type { Link } from './link.js';
import { between, type Random } from './seeded.js';
import type { Server } from './server.js';

/** What happened, for the excerpt. */
export interface Happened {
  at: number;
  what: string;
}

export interface Stage {
  server: Server;
  clients: readonly Clients[];
  links: ReadonlyMap<string, Link>;
  filler: Filler | undefined;
  /** Which process a device lives in. */
  processOf: ReadonlyMap<string, number>;
  log: Happened[];
  /** What must not happen, by whatever fault. */
  failed: (why: string) => void;
}

/** Starting again may take long on a machine with other work. */
const START_MS = 20_000;
/** So long after there is room again, a server that ends may have seen the full disk. */
const SETTLE_MS = 2_000;
const AGAIN_MS = 150;

/** Makes the planned faults happen, and at the end takes them all back. */
export class Faults {
  readonly counts = new Map<FaultKind, number>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private readonly running = new Set<Promise<void>>();
  /** The room on the disk is gone, or was a moment ago: the server may end by itself, and may not start. */
  private full = 0;
  private serverBusy = false;
  private toCome = 0;
  private ending = false;

  constructor(private readonly stage: Stage, private readonly random: Random) {}

  get diskIsFull(): boolean {
    return this.full > 0;
  }

  /** Everything that was planned has begun. */
  get allBegun(): boolean {
    return this.toCome === 0;
  }

  plan(faults: readonly Fault[]): void {
    this.toCome = faults.length;
    for (const fault of faults) this.later(fault.atMs, () => this.begin(fault));
  }

  /** The server ended by itself: that is right only where it could not write. */
  serverEnded(how: string): void {
    this.note(`the server ended by itself: ${how}`);
    if (!this.diskIsFull) this.stage.failed(`the server ended by itself: ${how}`);
    void this.track(this.restart(200));
  }

  /** All faults lifted: the server up, every client running, every link as it should be. */
  async end(): Promise<void> {
    this.ending = true;
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
    const { server, clients, links, filler } = this.stage;
    server.thaw();
    for (const process of clients) process.thaw();
    await filler?.empty();
    await Promise.all(this.running);
    // A server that is just ending for want of room.
    if (this.diskIsFull) await sleep(SETTLE_MS);
    await server.insist(START_MS);
    this.full = 0;
    for (const link of links.values()) link.heal();
    for (const process of clients) process.start();
    this.note('the end: no more faults');
  }

  private begin(fault: Fault): void {
    // What is to be frozen may not be running just now.
    if (!this.happen(fault)) return this.later(AGAIN_MS, () => this.begin(fault));
    this.toCome--;
    this.counts.set(fault.kind, (this.counts.get(fault.kind) ?? 0) + 1);
    this.note(`${fault.kind}${fault.target && ` (${fault.target})`}, ${fault.forMs} ms`);
  }

  /** False: it cannot happen now, as where what is to be frozen is not running. */
  private happen({ kind, target, forMs }: Fault): boolean {
    const { server, clients, links } = this.stage;
    const link = links.get(target)!;
    switch (kind) {
      case 'server killed':
      case 'server stopped':
        return this.endServer(kind === 'server killed' ? 'SIGKILL' : 'SIGTERM', forMs);
      case 'cut, then killed':
        return this.cutAndKill(forMs);
      case 'server frozen':
        return !this.serverBusy && server.freeze(forMs);
      case 'clients killed':
        return this.killClients(clients[Number(target)], forMs);
      case 'clients frozen':
        return clients[Number(target)].freeze(forMs);
      case 'half-open':
        link.cut(['up', 'down']);
        return true;
      case 'half-open upwards':
        link.cut(['up']);
        return true;
      case 'half-open downwards':
        link.cut(['down']);
        return true;
      case 'stalled':
        link.stall();
        this.later(forMs, () => link.resume());
        return true;
      case 'slowed':
        link.slowDown(between(this.random, 0, 200), between(this.random, 2_000, 40_000));
        this.later(forMs, () => link.speedUp());
        return true;
      case 'reset':
        link.reset(this.random.chance(0.5) ? 'up' : 'down', this.random.below(400));
        return true;
      case 'taken over':
        clients[this.stage.processOf.get(target)!].takeOver(target);
        return true;
      case 'disk low':
      case 'disk full':
        return this.fillDisk(kind === 'disk full', forMs);
    }
  }

  private killClients(clients: Clients, downForMs: number): boolean {
    if (!clients.running) return false;
    void this.track(clients.kill().then(() => this.later(downForMs, () => clients.start())));
    return true;
  }

  private endServer(signal: 'SIGKILL' | 'SIGTERM', downForMs: number): boolean {
    const { server } = this.stage;
    if (this.serverBusy || !server.up) return false;
    this.serverBusy = true;
    void this.track(server.end(signal).then(() => this.restart(downForMs)));
    return true;
  }

  private cutAndKill(downForMs: number): boolean {
    const { links, server } = this.stage;
    if (this.serverBusy || !server.up) return false;
    for (const link of links.values()) if (this.random.chance(0.4)) link.cut(['down']);
    this.later(between(this.random, 100, 700), () => void this.endServer('SIGKILL', downForMs));
    return true;
  }

  private async restart(afterMs: number): Promise<void> {
    this.serverBusy = true;
    const { server } = this.stage;
    await sleep(this.ending ? 0 : afterMs);
    // With a full disk it may refuse to start, as long as it likes.
    do {
      await server.insist(START_MS).catch((error: Error) => {
        if (!this.diskIsFull) this.stage.failed(error.message);
      });
    } while (!server.up && this.diskIsFull && !this.ending);
    this.note(`the server is up (start ${server.lives})`);
    this.serverBusy = false;
  }

  private fillDisk(whole: boolean, forMs: number): boolean {
    const { filler } = this.stage;
    if (!filler || this.full > 0) return false;
    this.full++;
    void this.track(whole ? filler.fill(0) : filler.low());
    this.later(forMs, () => {
      void this.track(
        filler.empty().then(() => {
          this.note('there is room on the disk again');
          this.later(SETTLE_MS, () => this.full--);
        }),
      );
    });
    return true;
  }

  private track(work: Promise<void>): Promise<void> {
    const tracked = work.catch((error: Error) => this.stage.failed(error.message)).finally(() => this.running.delete(tracked));
    this.running.add(tracked);
    return tracked;
  }

  private later(ms: number, work: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      work();
    }, ms);
    this.timers.add(timer);
  }

  private note(what: string): void {
    this.stage.log.push({ at: clock(), what });
  }
}
