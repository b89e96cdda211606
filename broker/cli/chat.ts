import { chatThroughPipes } from './chat/plain.js';
import { openSession, type ChatOptions } from './chat/session.js';
import { chatAtTerminal } from './chat/terminal.js';

/** Talks with another user: at a terminal, or through pipes. */
export async function chat(me: string, other: string, options: ChatOptions): Promise<void> {
  const session = await openSession(me, other, options);
  if (process.stdin.isTTY && process.stdout.isTTY) await chatAtTerminal(session);
  else await chatThroughPipes(session);
  // A connection that was given up may still be closing: nothing waits for it.
  process.exit();
}
