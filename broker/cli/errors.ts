/** The command cannot be done. The message is one line, for whoever typed it, and holds no secret. */
export class CommandError extends Error {
  override readonly name: string = 'CommandError';
  readonly exitCode: number = 1;
}

/** The command was not typed as it should be. */
export class UsageError extends CommandError {
  override readonly name = 'UsageError';
  override readonly exitCode = 2;
}

/** No server answers at the address. Where the data folder is ours, a command may go on without one. */
export class NotRunningError extends CommandError {
  override readonly name = 'NotRunningError';
}
