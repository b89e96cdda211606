import { between, pause, type Random } from '../seeded.js';
import type { DevicePlan } from '../plan.js';

/** What a device can be made to do. */
export interface Actor {
  /** Messages that wait in its outbox. */
  readonly backlog: number;
  say(to: string, bytes: number, options: { qos: 1 | 2; expiresInS: number }): void;
  readSomething?(): void;
  typeSomething?(): void;
  changePresence?(): void;
  /** Adds, removes, leaves. */
  changeGroup?(): void;
  /** Edits, reacts to, or deletes a message. */
  changeMessage?(): void;
}

/** Share of what is said that is said in groups. */
const IN_GROUPS = 0.3;

/** What users do: mostly single messages to friends, now and then a burst, reading, typing, looking away. */
export class Traffic {
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly plan: DevicePlan, private readonly random: Random, private readonly actor: Actor) {}

  start(): void {
    const meanMs = 1_000 / this.plan.actionsPerSecond;
    this.timer = setTimeout(() => {
      this.act();
      this.start();
    }, pause(this.random, meanMs));
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private act(): void {
    const { random, actor } = this;
    const dice = random.next();
    if (dice < 0.08) actor.readSomething?.();
    else if (dice < 0.14) actor.typeSomething?.();
    else if (dice < 0.16) actor.changePresence?.();
    else if (dice < 0.18) this.burst();
    else if (dice < 0.25 && actor.changeGroup && this.plan.groups.length > 0) actor.changeGroup();
    else if (dice < 0.57 && actor.changeMessage) actor.changeMessage();
    else this.say(this.somebody());
  }

  private burst(): void {
    const to = this.somebody();
    for (let count = between(this.random, 10, 60); count > 0; count--) this.say(to);
  }

  private say(to: string): void {
    const { random, actor, plan } = this;
    if (actor.backlog >= plan.mostBacklog) return;
    const bytes = random.chance(0.01) ? between(random, 5_000, 30_000) : between(random, 0, 300);
    const qos = random.chance(plan.exactlyOnce) ? 2 : 1;
    const expiresInS = random.chance(0.05) ? between(random, 1, 3) : 0;
    actor.say(to, bytes, { qos, expiresInS });
  }

  private somebody(): string {
    const { random, plan } = this;
    if (plan.groups.length > 0 && random.chance(IN_GROUPS)) return `g:${random.pick(plan.groups).group}`;
    const dice = random.next();
    if (dice < 0.04 && (plan.kind === 'chat' || plan.kind === 'sdk')) return plan.user;
    return random.pick(dice < 0.8 ? plan.friends : plan.others);
  }
}
