import { GodwitError, codeName } from 'godwit-schemas';
import { ConfigError } from '../config.js';
import { ListenError } from '../listeners/listen.js';
import { StorageOpenError } from '../ports/storage.js';
import { CommandError } from './errors.js';

/** Says in one line why a command failed. @returns the exit code */
export function report(error: unknown): number {
  process.stderr.write(`godwit: ${oneLine(explain(error))}\n`);
  return error instanceof CommandError ? error.exitCode : 1;
}

function explain(error: unknown): string {
  if (error instanceof GodwitError) return `${error.message} (${codeName(error.code)})`;
  if (error instanceof CommandError || error instanceof ConfigError || error instanceof ListenError || error instanceof StorageOpenError) return error.message;
  return `unexpected: ${error instanceof Error ? error.message : String(error)}`;
}

export function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, '; ');
}
