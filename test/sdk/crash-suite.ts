import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { createClient, memoryStore, Reason, type Client } from 'godwit-client';
import { AuthRenewResponseSchema, Code, create, createUlid, deliveryTopics, fromBinary, ReadSchema, toBinary, ulidToString } from 'godwit-schemas';
import { encoded, kinds, saying, sealed, text } from './contents.js';
import { lateCipher, snapshot, type Note, type RunOptions, type Snapshot } from './crash-app.js';
import type { Crash, Step } from './crash-steps.js';
import { FakeBroker } from './fake-broker.js';
import { fakeToken, lasting, quick, turnsUntil } from './fixtures.js';

/** Starts the app, and starts it again on what the last one left. */
export interface Launcher {
  readonly name: string;
  /** Resolves when it is killed, or has ended. */
  run(options: RunOptions, asked: (what: string) => Promise<void>): Promise<'killed' | 'ended'>;
  /** What it has written down, in all its runs. */
  notes(): Promise<Note[]>;
}

const conversation = 'd:alice:bob';
const newId = createUlid();
/** Nothing that the app does is hurried by it; a run that hangs is said so. */
const runMs = 30_000;

/** The server, bob, and a second device of alice that nothing ever happens to. */
class World {
  private constructor(
    readonly broker: FakeBroker,
    readonly witness: Client,
    readonly witnessStore = memoryStore(),
  ) {}

  static async start(): Promise<World> {
    const broker = await FakeBroker.start();
    const store = memoryStore();
    const { cipher, unlock } = lateCipher();
    unlock();
    const witness = await createClient({ url: broker.url, user: 'alice', device: 'witness', token: fakeToken({ sub: 'alice' }), store: lasting(store), cipher, timing: quick });
    const world = new World(broker, witness, store);
    broker.onCall = () => ({ value: toBinary(AuthRenewResponseSchema, create(AuthRenewResponseSchema, { serverTimeMs: BigInt(Date.now()) })) });
    broker.onMessage = (_, topic) => (topic === 'to/nobody' ? { code: Code.UNKNOWN_USER } : undefined);
    broker.onControl = (topic, payload) => void (topic === `read/${conversation}` && world.floors({ ownRead: fromBinary(ReadSchema, payload).seq }));
    await witness.connect();
    broker.say('bob', 'alice', text('hello'));
    return world;
  }

  get head(): bigint {
    return BigInt(this.broker.log.entries(conversation).at(-1)!.seq);
  }

  floors(floor: { delivered?: bigint; read?: bigint; ownRead?: bigint }): void {
    const receipt = { conversation, atMs: BigInt(Date.now()), ...floor };
    for (const device of ['phone', 'witness']) {
      const session = this.broker.sessions.get(`alice:${device}`);
      if (session) this.broker.receipt('alice', receipt, session);
    }
  }

  /** The device has acknowledged everything, or is dead. */
  async settled(device: string): Promise<void> {
    const session = this.broker.sessions.get(`alice:${device}`)!;
    await this.broker.until(() => !session.connection || session.unacknowledged.size === 0);
  }

  /** What bob does while the app runs: everything that a store step follows from. */
  async speak(name: string): Promise<void> {
    const { broker } = this;
    const say = (said: ReturnType<typeof text>): { from: string; id: Uint8Array } => (broker.say('bob', 'alice', said), { from: 'bob', id: said.id });
    const [one, two] = [say(text(`${name} one`)), say(text(`${name} two`))];
    const [hers] = broker.log.entries(conversation).filter(({ from }) => from === 'alice').slice(-1);
    await this.settled('phone');
    for (const kind of [kinds.edit(one, `${name} one, edited`), kinds.reaction(one, '🎉'), kinds.deletion(two), kinds.reaction({ from: 'alice', id: hers.message.id }, '👍')]) say(saying(kind, { flags: 1 }));
    say({ ...text(''), body: sealed({ alg: 7, payload: encoded({ kind: { case: 'text', value: { text: `${name} secret` } } }) }) });
    broker.gap(conversation, 2, Reason.EXPIRED);
    const unborn = newId();
    say(saying(kinds.reaction({ from: 'bob', id: unborn }, '🐣'), { flags: 1 }));
    await this.settled('phone');
    say(text(`${name} born late`, { id: unborn }));
    const { now } = broker.log;
    broker.log.now = () => Date.now() - 900;
    say(text(`${name} soon gone`, { expiresInS: 1 }));
    broker.log.now = now;
    broker.sessions.get('alice:phone')!.deliver(deliveryTopics.msg('alice'), Uint8Array.of(255, 255));
    say(text(`${name} over`));
  }

  async stop(): Promise<void> {
    await this.witness.close();
    await this.broker.stop();
  }
}

/** Runs the app, and kills it at each of these steps; then once undisturbed. What it has must be what it would have. */
export async function crashSuite(t: TestContext, launcher: Launcher, url: (broker: FakeBroker) => Promise<string> | string, crashes: readonly Crash[]): Promise<void> {
  const world = await World.start();
  try {
    const { broker } = world;
    const run = async (name: string, more: Partial<RunOptions> = {}): Promise<'killed' | 'ended'> => {
      const asked = async (what: string): Promise<void> => {
        if (what === 'speak') await world.speak(name);
        else if (what === 'receipts') world.floors({ delivered: world.head, read: world.head - 1n });
        else await world.settled('phone');
      };
      const options = { url: await url(broker), token: fakeToken({ sub: 'alice' }), name, ...more };
      const late = new Promise<never>((_, reject) => setTimeout(() => reject(new Error(`the run ${name} (${JSON.stringify(more)}) does not end`)), runMs).unref());
      return Promise.race([launcher.run(options, asked), late]);
    };
    for (const [n, crash] of crashes.entries()) assert.equal(await run(`run${n}`, { crash }), 'killed', `${crash.when} ${crash.step} was never reached`);
    assert.equal(await run('last'), 'ended');
    assert.equal(await run('look', { look: true }), 'ended');
    const notes = await launcher.notes();
    await turnsUntil(() => broker.sessions.get('alice:witness')!.unacknowledged.size === 0);
    await world.witness.messages('bob', { limit: 1_000 });
    check(broker, notes, await snapshot(world.witness, world.witnessStore));
    const seen = new Set(notes.flatMap((note): Step[] => (note.what === 'step' ? [note.step] : [])));
    const again = notes.filter((note) => note.what === 'message' && note.again).length;
    t.diagnostic(`${launcher.name}: ${crashes.length} kills at ${new Set(crashes.map(({ step }) => step)).size} kinds of steps, ${seen.size} of which an undisturbed run makes; ${broker.log.entries(conversation).length} places, ${again} messages handed over again`);
  } finally {
    await world.stop();
  }
}

function check(broker: FakeBroker, notes: readonly Note[], witness: Snapshot): void {
  const log = broker.log.entries(conversation);
  const of = <W extends Note['what']>(what: W) => notes.filter((note): note is Extract<Note, { what: W }> => note.what === what);
  const [{ snapshot: phone }] = of('snapshot').slice(-1);

  const mine = log.filter(({ from }) => from === 'alice').map(({ message }) => ulidToString(message.id));
  assert.equal(new Set(mine).size, mine.length, 'nothing was sent twice');
  assert.deepEqual([...mine].sort(), mine, 'in the order of sending: ids rise');
  assert.deepEqual(of('kept').map(({ id }) => id).filter((id) => !mine.includes(id)), [], 'whatever was kept was sent');
  assert.deepEqual(phone.outbox, [], 'nothing is left in the outbox');

  assert.deepEqual(phone.messages, witness.messages, 'messages, folds and ticks are what an undisturbed device has');
  assert.deepEqual(phone.conversation, witness.conversation, 'unread count, floors and last message too');
  assert.deepEqual(phone.rows, witness.rows, 'nothing is left of what has disappeared, joined or was opened');

  assert.ok(of('unread').length > 0);
  for (const { unread, counted } of of('unread')) assert.equal(unread, counted, 'at every start the unread count is that of the messages behind the last one read');

  const first = of('message').filter(({ again }) => !again);
  assert.equal(new Set(first.map(({ id }) => id)).size, first.length, 'nothing was handed over twice without saying so');
  assert.deepEqual(first.map(({ seq }) => seq), first.map(({ seq }) => seq).sort((a, b) => a - b), 'handed over in order');
  // The app's own picture, from what it was told: a message is what was said of it last.
  const told = new Map<string, string>();
  for (const note of notes) if (note.what === 'message' || note.what === 'changed') told.set(note.id, note.said);
  const theirs = (phone.messages as { from: string; id: string; kind: string; text?: string; editedAtMs?: number; reactions: { emoji: string; users: string[] }[] }[]).filter(({ from }) => from === 'bob');
  assert.ok(theirs.length > 5);
  for (const { id, kind, text, editedAtMs, reactions } of theirs) {
    const emojis = reactions.flatMap(({ emoji, users }) => users.filter((user) => user === 'bob').map(() => ` ${emoji}bob`));
    // What can be read at last is in `messages()`; of that alone nobody is told once more.
    if (told.get(id) === 'sealed') continue;
    assert.equal(told.get(id), `${text ?? kind}${editedAtMs === undefined ? '' : '*'}${emojis.join('')}`, 'the app was told how it is');
  }
}
