import { existsSync } from 'node:fs';
import { journalPath } from './client/device.js';
import { readJournal, type Written } from './journal.js';
import type { DeviceKind, Plan } from './plan.js';

/** Everything that one device wrote down, in its order. */
export interface DeviceHistory {
  clientId: string;
  user: string;
  kind: DeviceKind;
  entries: Written[];
}

export type History = readonly DeviceHistory[];

export function readHistory(folder: string, plan: Plan): History {
  return plan.devices.map(({ clientId, user, kind }) => {
    const path = journalPath(folder, clientId);
    return { clientId, user, kind, entries: existsSync(path) ? readJournal(path) : [] };
  });
}
