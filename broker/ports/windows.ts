import type { Window } from './conversation-log.js';

/** Of a conversation that one is in from its beginning and cannot leave. */
export const ALWAYS: readonly Window[] = [{ from: 1, to: Infinity }];
export const NEVER: readonly Window[] = [];

/** Whether who has these windows is in the conversation now. */
export function isMember(windows: readonly Window[]): boolean {
  return windows.length > 0 && windows[windows.length - 1].to === Infinity;
}

/** The windows with one more that begins at this place. */
export function joinedAt(windows: readonly Window[], seq: number): readonly Window[] {
  return isMember(windows) ? windows : [...windows, { from: seq, to: Infinity }];
}

/** The windows, the last one ended with this place. */
export function leftAt(windows: readonly Window[], seq: number): readonly Window[] {
  return isMember(windows) ? [...windows.slice(0, -1), { from: windows[windows.length - 1].from, to: seq }] : windows;
}

/** The window that holds this place, or else the next one after it; undefined: there is none. */
export function windowAt(windows: readonly Window[], seq: number): Window | undefined {
  for (let i = 0; i < windows.length; i++) if (windows[i].to >= seq) return windows[i];
  return undefined;
}
