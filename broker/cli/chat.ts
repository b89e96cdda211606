import { chatThroughPipes } from './chat/plain.js';
import { openSession, type ChatOptions } from './chat/session.js';
import { UsageError } from './errors.js';

/**
 * Talks with other users at a terminal, or through pipes with one.
 * @throws UsageError when there is no terminal, and nobody is named
 */
export async function chat(me: string, other: string | undefined, options: ChatOptions): Promise<void> {
  const terminal = process.stdin.isTTY && process.stdout.isTTY;
  if (!terminal && other === undefined) throw new UsageError('through pipes one talks with one user: say with whom');
  const session = await openSession(me, other, options);
  if (terminal) await (await import('./chat/terminal.js')).chatAtTerminal(session);
  else await chatThroughPipes(session, other!);
  // A connection that was given up may still be closing: nothing waits for it.
  process.exit();
}
