import { platform } from 'node:process';
import { seeded } from '../chaos/seeded.js';
import type { Random } from '../schemas/random.js';
import type { Means } from './attack.js';
import type { Transport } from './line.js';
import { sender } from './packets.js';
import { play, sessionsScript, strangersScript, type Script } from './script.js';
import type { WatchedServer } from './watched-server.js';

export interface CampaignOptions {
  seed: number;
  /** At least so many. */
  packets: number;
  transports: readonly Transport[];
  /** Called each time that another thousandth part of the packets is sent. */
  onward?: () => Promise<void>;
}

/** Connections that attack side by side. */
const ATTACKERS = 12;
/** Whom the attackers write to, beside each other. */
export const WITNESS = 'witness';
const attackers = ['constructor', '__proto__', ...Array.from({ length: ATTACKERS - 2 }, (_, i) => `attacker${i}`)];

/** Every device that attacks: what the server keeps of them is bounded by their number. */
export const ATTACKING_DEVICES = ATTACKERS * 2;

/** Plays scripts until so many packets are sent. @returns how many were */
export async function campaign(server: WatchedServer, { seed, packets, transports, onward }: CampaignOptions): Promise<number> {
  let sent = 0;
  let told = 0;
  let connections = 0;
  const attack = async (user: string): Promise<void> => {
    const senders = ['one', 'two'].map((device) => sender(server, `${user}:${device}`));
    while (sent < packets) {
      const number = connections++;
      const random = seeded(seed, number);
      const transport = random.pick(transports);
      const means: Means = { random, by: random.pick(senders), others: [...attackers, WITNESS] };
      const script: Script = random.chance(0.55) ? strangersScript(means) : sessionsScript(means, transport);
      sent += script.packets;
      try {
        await play(script, means, transport, server, { from: someAddress(random) });
      } catch (error) {
        server.check();
        throw new Error(`seed ${seed}, connection ${number}: ${(error as Error).message}\nThe server's log about ${user}:\n${await server.recent(user)}`, { cause: error });
      }
      if (onward && sent - told >= packets / 100) {
        told = sent;
        await onward();
      }
    }
  };
  await Promise.all(attackers.map(attack));
  return sent;
}

/** Failed logins are counted by address. Linux has all of 127.0.0.0/8; elsewhere the limit soon answers most CONNECTs. */
function someAddress(random: Random): string | undefined {
  return platform === 'linux' ? `127.${1 + random.below(250)}.${random.below(250)}.${1 + random.below(250)}` : undefined;
}
