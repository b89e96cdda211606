import { Audience, Code, fromBinary, limits, MessageSchema, parseConversation, ulidToString } from 'godwit-schemas';
import { EntryState, type Entry } from '../../broker/ports/conversation-log.js';
import { RefusedError, type PluginContext } from '../../broker/ports/plugin.js';
import { windowAt } from '../../broker/ports/windows.js';

type Storage = PluginContext['storage'];

/** What a piece says, and where the next one begins. */
interface Piece {
  readonly value: object;
  readonly next: string;
}

const PAGE = limits.exportPage.value;

/** Each begins with the name of what it lists, a blank, and the last one of the piece before. @throws RefusedError MALFORMED */
export async function exportPiece({ storage }: PluginContext, user: string, after: string): Promise<{ json: string; next: string }> {
  const { value, next } = await pieceOf(storage, user, after);
  return { json: JSON.stringify(value), next };
}

function pieceOf(storage: Storage, user: string, after: string): Promise<Piece> {
  const [part, last = '', place = '0'] = after.split(' ');
  switch (part) {
    case '':
      return account(storage, user);
    case 'contact':
      return page('contacts', part, (from, limit) => storage.relations.list(user, 'contact', from, limit), (it) => it, last, 'block ');
    case 'block':
      return page('blocks', part, (from, limit) => storage.relations.list(user, 'block', from, limit), (it) => it, last, 'report ');
    case 'report':
      return page('reports', part, (from, limit) => storage.reports.by(user, from, limit), ({ report }) => report, last, 'conversation ', limits.reportsPage.value);
    case 'conversation':
      return conversations(storage, user, last);
    case 'message':
      if ((last === '' || parseConversation(last)) && /^\d{1,15}$/.test(place)) return messages(storage, user, last, Number(place));
  }
  throw new RefusedError({ code: Code.MALFORMED, text: 'after must be the next of the piece before' });
}

async function account({ directory, profiles, relations, presence }: Storage, user: string): Promise<Piece> {
  const { presence: seenBy, groups, readReceipts } = await relations.privacy(user);
  const value = {
    user,
    createdAtMs: (await directory.user(user))?.createdAtMs,
    lastSeenMs: (await presence.get(user, 0)).lastSeenMs,
    profile: await profiles.get(user),
    privacy: { presence: Audience[seenBy], groups: Audience[groups], readReceipts },
    devices: (await directory.devicesOf(user)).map(({ device, firstSeenMs, lastSeenMs, filters }) => ({ device, firstSeenMs, lastSeenMs, filters: [...filters.keys()] })),
  };
  return { value, next: 'contact ' };
}

async function page<T>(name: string, part: string, list: (after: string, limit: number) => readonly T[] | Promise<readonly T[]>, keyOf: (row: T) => string, after: string, then: string, most = PAGE): Promise<Piece> {
  const rows = await list(after, most);
  return { value: { [name]: rows }, next: rows.length < most ? then : `${part} ${keyOf(rows[rows.length - 1])}` };
}

async function conversations({ log, cursors, groups }: Storage, user: string, after: string): Promise<Piece> {
  const names = (await log.conversationsOf(user)).filter((name) => name > after).sort();
  const rows = [];
  for (const conversation of names.slice(0, PAGE)) {
    const group = parseConversation(conversation);
    const record = group?.kind === 'group' ? await groups.get(group.group) : undefined;
    const { read, readAtMs, delivered, deliveredAtMs } = await cursors.user(user, conversation);
    // The end of what goes on is no number of JSON.
    const windows = (await log.windowsOf(conversation, user)).map(({ from, to }) => (to === Infinity ? { from } : { from, to }));
    rows.push({ conversation, name: record?.name, windows, read, readAtMs, delivered, deliveredAtMs });
  }
  return { value: { conversations: rows }, next: names.length > PAGE ? `conversation ${names[PAGE - 1]}` : 'message ' };
}

/** What the user wrote, from behind this place on. */
async function messages({ log }: Storage, user: string, name: string, place: number): Promise<Piece> {
  const rows: object[] = [];
  let [entries, bytes] = [PAGE, limits.exportPageBytes.value];
  for (const conversation of (await log.conversationsOf(user)).filter((one) => one >= name).sort()) {
    const windows = await log.windowsOf(conversation, user);
    for (let from = conversation === name ? place + 1 : 1; ; ) {
      if (entries <= 0 || bytes <= 0) return { value: { messages: rows }, next: `message ${conversation} ${from - 1}` };
      const window = windowAt(windows, from);
      if (!window) break;
      const found = await log.read(conversation, Math.max(from, window.from), { entries, bytes });
      for (const entry of found) if (entry.seq <= window.to) rows.push(...shown(conversation, entry, user));
      entries -= found.length;
      for (const { start, end } of found) bytes -= end - start;
      const last = found.length === 0 ? Infinity : found[found.length - 1].seq;
      if (last === Infinity && window.to === Infinity) break;
      from = Math.min(last, window.to) + 1;
    }
  }
  return { value: { messages: rows }, next: '' };
}

/** Nothing, where it is another's. */
function shown(conversation: string, { buffer, start, end, state, seq, sentAtMs, expiresAtMs }: Entry, user: string): object[] {
  const { from, fromDevice, id, body, flags } = fromBinary(MessageSchema, buffer.subarray(start, end));
  if (from !== user) return [];
  const gone = state === EntryState.Live ? undefined : state === EntryState.Erased ? 'ERASED' : 'EXPIRED';
  return [{ conversation, seq, id: ulidToString(id), sentAtMs, device: fromDevice, body: Buffer.from(body).toString('base64'), flags, ...(expiresAtMs > 0 && { expiresAtMs }), ...(gone && { gone }) }];
}
