import { readFileSync } from 'node:fs';

/**
 * Whether the terminal is still ours. When `npx` is killed with -9, what it had started lives on behind the shell's
 * back, holds the messages, and says that its user is online. (proc(5), stat: field 5 is the process group, field 8 the
 * one in the foreground; elsewhere than on Linux this is not noticed before a key is pressed.)
 */
export function inForeground(): boolean {
  if (process.platform !== 'linux') return true;
  const stat = readFileSync('/proc/self/stat', 'latin1');
  // The name in field 2 may hold anything, brackets and spaces too.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[2] === fields[5];
}
