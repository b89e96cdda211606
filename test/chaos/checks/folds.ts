import type { Folded } from '../journal.js';
import { senderOf } from '../body.js';
import type { Finding } from './finding.js';
import type { Known, Ledger } from './ledger.js';

/** Emojis of one user that a message remembers. */
const REACTIONS_OF_USER = 20;

/**
 * At the end every device of the SDK shows each message as the log says: the last edit by place, everyone's reactions,
 * a deletion for good, and what it answers.
 */
export function checkFolds(ledger: Ledger, found: (finding: Finding) => void): void {
  const folds = new Map<string, Known[]>();
  for (const message of ledger.messages.values()) {
    if (!message.fold || message.places.length === 0) continue;
    const there = folds.get(message.fold.target);
    if (there) there.push(message);
    else folds.set(message.fold.target, [message]);
  }
  for (const { clientId, user, kind, entries } of ledger.history) {
    if (kind !== 'sdk') continue;
    const shown = new Map<string, Map<string, Folded>>();
    for (const entry of entries) if (entry.what === 'folded') shown.set(entry.conversation, new Map(entry.messages.map((message) => [message.id, message])));
    for (const message of ledger.messages.values()) {
      const { token, conversation, id, places, expiresInS } = message;
      // What has no id of its sender's cannot be told apart when it stands twice; what disappears may be gone.
      if (id === '' || places.length !== 1 || expiresInS > 0 || message.fold || !ledger.membership.holds(conversation, user, places[0])) continue;
      const expected = stateOf(ledger, message, (folds.get(token) ?? []).filter((fold) => ledger.membership.holds(conversation, user, fold.places[0])));
      const actual = shown.get(conversation)?.get(id);
      const [was, should] = [actual, expected].map((state) => state && JSON.stringify([state.says, state.reactions, state.replyTo]));
      if (was !== should) found({ kind: 'wrongly folded', text: `${clientId}, ${conversation}: ${token} at ${places[0]} is ${was ?? 'as it was sent'}, and should be ${should ?? 'so'}`, conversation, seq: places[0], token, clientId });
    }
  }
}

/** undefined: as it was sent, and it answers nothing. */
function stateOf(ledger: Ledger, { token, id, replyTo }: Known, folds: readonly Known[]): Folded | undefined {
  const inOrder = [...folds].sort((one, other) => one.places[0] - other.places[0]);
  const of = (kind: string): Known[] => inOrder.filter(({ fold }) => fold!.kind === kind);
  if (of('deletion').length > 0) return { id, says: undefined, reactions: [] };
  const reactions = new Map<string, string[]>();
  for (const { token: emoji } of of('reaction')) {
    const user = senderOf(emoji).split(':')[0];
    reactions.set(user, [...(reactions.get(user) ?? []), `${emoji} ${user}`].slice(-REACTIONS_OF_USER));
  }
  const answered = replyTo === undefined ? '' : (ledger.messages.get(replyTo)?.id ?? '');
  if (folds.length === 0 && answered === '') return undefined;
  return { id, says: of('edit').at(-1)?.token ?? token, reactions: [...reactions.values()].flat().sort(), ...(answered !== '' && { replyTo: answered }) };
}
