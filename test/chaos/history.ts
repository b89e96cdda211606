import { existsSync } from 'node:fs';
import { journalPath } from './client/device.js';
import { readJournal, type Written } from './journal.js';
import type { DeviceKind, Habit, Plan } from './plan.js';

/** Everything that one device wrote down, in its order. */
export interface DeviceHistory {
  clientId: string;
  user: string;
  kind: DeviceKind;
  habit: Habit;
  entries: Written[];
}

export type History = readonly DeviceHistory[];

export function readHistory(folder: string, plan: Plan): History {
  return plan.devices.map(({ clientId, user, kind, habit }) => {
    const path = journalPath(folder, clientId);
    return { clientId, user, kind, habit, entries: existsSync(path) ? readJournal(path) : [] };
  });
}
