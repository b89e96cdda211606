/** Godwit cannot start as it is set up. The message is one line, for whoever starts it, and holds no secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}
