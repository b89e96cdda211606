import { readFileSync } from 'node:fs';
import type { Plan } from '../plan.js';
import { seeded } from '../seeded.js';
import { ChatDevice } from './chat-device.js';
import type { Participant, Status } from './device.js';
import { LiveDevice } from './live-device.js';
import { PlainDevice } from './plain-device.js';
import { SdkDevice } from './sdk-device.js';

/** What the chaos run tells a process of clients. */
export type Order = { order: 'take over'; clientId: string } | { order: 'talk' } | { order: 'quiet' };
/** What it hears back, again and again. */
export interface Report {
  devices: Record<string, Status>;
}

const REPORT_MS = 100;
const kinds = { sdk: SdkDevice, chat: ChatDevice, plain: PlainDevice, live: LiveDevice };

/** One process of clients: arguments are the folder of the round, the number of the process, and how often it was started. */
const [folder, number, life] = process.argv.slice(2);
const plan = JSON.parse(readFileSync(`${folder}/plan.json`, 'utf8')) as Plan;

const devices = plan.devices
  .filter(({ process }) => process === Number(number))
  .map((device): Participant => new kinds[device.kind](device, folder, seeded(plan.seed, device.clientId, life)));

process.on('message', (order: Order) => {
  if (order.order === 'talk') for (const device of devices) device.talk();
  else if (order.order === 'quiet') for (const device of devices) device.becomeQuiet();
  else devices.find((device) => device.plan.clientId === order.clientId)?.takeOver();
});
process.on('disconnect', () => process.exit(0));
for (const device of devices) device.start();

setInterval(() => {
  const report: Report = { devices: Object.fromEntries(devices.map((device) => [device.plan.clientId, device.status])) };
  process.send?.(report);
}, REPORT_MS);
