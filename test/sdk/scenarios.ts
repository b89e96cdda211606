/** Portable: runs in Node and in pages. What the SDK promises, with the real server. */
import { Code, State, type Client, type Message, type Sent } from 'godwit-client';
import { create, createUlid, MessageSchema, toBinary } from 'godwit-schemas';
import { seenOf } from './contents.js';
import { Recorder, texts } from './recorder.js';
import { becomes, codeOf, ok, same, type Scenario, type Stage } from './scenario.js';

const numbers = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i}`);
const messagesOf = async (client: Client, peer: string): Promise<Message[]> => (await client.messages(peer, { limit: 1_000 })).filter((one): one is Message => one.type === 'message');
const seen = async (client: Client, peer: string): Promise<string[]> => (await messagesOf(client, peer)).map(seenOf);
const ticks = async (client: Client, peer: string): Promise<string[]> => (await messagesOf(client, peer)).map(({ text, tick }) => `${text} ${tick}`);
const sentAll = (sent: readonly Sent[]): Promise<unknown> => Promise.all(sent.map((one) => one.until('sent')));

/** alice and bob, both known to the server and connected, and what bob hears. */
async function pair(at: Stage): Promise<{ alice: Client; bob: Client; toBob: string; toAlice: string; heard: Recorder<'message' | 'gap'> }> {
  const [bob, alice] = [await at.connected('bob'), await at.connected('alice')];
  return { alice, bob, toBob: at.user('bob'), toAlice: at.user('alice'), heard: new Recorder(bob, 'message', 'gap') };
}

const limited = 'a rate limit is waited for, and goes on by itself in order';

/** Of the server of a scenario. */
export function environmentOf(scenario: string): Record<string, string> {
  return { GODWIT_MESSAGES_PER_MINUTE: scenario === limited ? '40' : '0' };
}

export const scenarios: Record<string, Scenario> = {
  'a message and its ticks, an answer, typing, presence': [
    async (at) => {
      const { alice, bob, toBob, toAlice, heard } = await pair(at);
      const [typing, presence, states] = [new Recorder(bob, 'typing'), new Recorder(bob, 'presence'), new Recorder(alice, 'state')];
      await bob.presence.watch(toAlice);
      await presence.until((events) => events.at(-1)?.state === State.ONLINE);
      same(alice.typing(toBob), true);
      await typing.until(1);
      same(typing.events[0].from, toAlice);
      const sent = alice.send(toBob, 'hello');
      await sent.until('delivered');
      const [message] = await heard.until(1);
      same(texts([message]), ['hello']);
      await bob.markRead(toAlice, 1);
      await sent.until('read');
      same(states.events.map(({ state }) => state).filter((state) => state !== 'delivered'), ['sent', 'read']);
      const back = new Recorder(alice, 'message');
      await bob.reply(toAlice, message as Message, 'hello yourself').until('delivered');
      await back.until(1);
      same(back.events[0].replyTo, { from: toAlice, id: sent.id });
      alice.setPresence(State.AWAY);
      await presence.until((events) => events.at(-1)?.state === State.AWAY);
      await alice.close();
      await presence.until((events) => events.at(-1)?.state === State.OFFLINE);
    },
  ],

  'three messages written offline, the app ends, starts again and is online again: once, in order, with their ticks': [
    async (at) => {
      await at.connected('bob');
      await at.world.setOffline(true);
      const alice = await at.client('alice');
      void alice.connect();
      const sent = ['one', 'two', 'three'].map((text) => alice.send(at.user('bob'), text));
      await Promise.all(sent.map((one) => one.until('queued')));
      return sent.map(({ id }) => id);
    },
    async (at, ids: string[]) => {
      const alice = await at.client('alice');
      same(alice.outbox().map(({ id, state }) => [id, state]), ids.map((id) => [id, 'queued']));
      await at.world.setOffline(false);
      const sent = [...alice.outbox()];
      const bob = await at.client('bob');
      const heard = new Recorder(bob, 'message', 'gap');
      await Promise.all([alice.connect(), bob.connect()]);
      await Promise.all(sent.map((one) => one.until('delivered')));
      await heard.until(3);
      same(texts(heard.events), ['one', 'two', 'three']);
      same(heard.events.map((one) => (one as Message).id), ids);
      await bob.markRead(at.user('alice'), 2);
      await sent[1].until('read');
    },
    async (at) => {
      const alice = await at.client('alice');
      same(alice.outbox(), []);
      same(await ticks(alice, at.user('bob')), ['one read', 'two read', 'three delivered'], 'before it is connected');
      const bob = await at.connected('bob');
      const heard = new Recorder(bob, 'message', 'gap');
      await alice.connect();
      await alice.send(at.user('bob'), 'four').until('delivered');
      await heard.until(1);
      same(texts(heard.events), ['four'], 'nothing comes twice');
    },
  ],

  'pages of a long conversation, also after a restart': [
    async (at) => {
      const { alice, bob, toBob, toAlice } = await pair(at);
      const sent = numbers(120).map((text, i) => (i % 2 === 0 ? alice.send(toBob, text) : undefined));
      await Promise.all(sent.map((one) => one?.until('delivered')));
      await Promise.all(numbers(5).map((text) => bob.send(toAlice, `bob ${text}`).until('delivered')));
    },
    async (at) => {
      for (const name of ['alice', 'bob']) {
        const client = await at.client(name);
        const peer = at.user(name === 'alice' ? 'bob' : 'alice');
        const pages: string[][] = [];
        for (let before = Infinity; ; ) {
          const page = await client.messages(peer, { limit: 20, ...(before < Infinity && { before }) });
          if (page.length === 0) break;
          pages.push(texts(page) as string[]);
          before = (page[0] as Message).seq;
        }
        same(pages.map(({ length }) => length), [20, 20, 20, 5]);
        same(pages.reverse().flat(), [...numbers(120).filter((_, i) => i % 2 === 0), ...numbers(5).map((text) => `bob ${text}`)]);
      }
    },
  ],

  'answers, edits, reactions and deletions: the same on both sides, and after a restart': [
    async (at) => {
      const { alice, bob, toBob, toAlice, heard } = await pair(at);
      const changes = new Recorder(alice, 'changed');
      const [first, second] = [alice.send(toBob, 'first'), alice.send(toBob, 'second')];
      await heard.until(2);
      const [one] = heard.events as Message[];
      await sentAll([alice.edit(first, 'first, edited'), alice.react(first, '👍'), bob.react(one, '❤'), bob.react(one, '👍'), alice.delete(second)]);
      await sentAll([bob.unreact(one, '👍')]);
      same(await codeOf(() => bob.edit(one, 'not mine')), Code.NOT_ALLOWED);
      await bob.reply(toAlice, one, 'an answer').until('delivered');
      await changes.until((events) => events.length >= 6);
      await becomes(async () => (await seen(bob, toAlice))[1] === '(deleted)' && /\*/.test((await seen(bob, toAlice))[0]));
      same(await seen(alice, toBob), await seen(bob, toAlice));
      return seen(alice, toBob);
    },
    async (at, before: string[]) => {
      same(await seen(await at.client('alice'), at.user('bob')), before);
      same(await seen(await at.client('bob'), at.user('alice')), before);
      same(before.slice(1), ['(deleted)', 'an answer']);
      ok(/^first, edited\* /.test(before[0]) && before[0].includes('❤'), before[0]);
    },
  ],

  'conversations, what is unread in them, and what another device has read': [
    async (at) => {
      const { alice, bob, toBob, toAlice } = await pair(at);
      const carol = await at.connected('carol');
      const told = new Recorder(alice, 'conversation');
      const [phone] = [new Recorder(alice, 'message')];
      await sentAll(numbers(5).map((text) => bob.send(toAlice, text)));
      await carol.send(toAlice, 'carol').until('delivered');
      await phone.until(6);
      const unread = async (client: Client): Promise<unknown> => (await client.conversations()).map(({ unread, last }) => [last?.text, unread]);
      same(await unread(alice), [['carol', 1], ['4', 5]]);
      await alice.markRead(toBob, 3);
      same(await unread(alice), [['carol', 1], ['4', 2]]);
      await told.until((events) => events.some(({ unread, last }) => unread === 2 && last?.text === '4'));
      const laptop = await at.connected('alice', { as: 'laptop' });
      const reads = new Recorder(alice, 'receipt');
      // A new device is delivered from where its user is by now, and fetches what was before.
      await bob.send(toAlice, '5').until('delivered');
      await becomes(async () => (await messagesOf(laptop, toBob)).length === 6);
      await laptop.markRead(toBob, 6);
      await reads.until((events) => events.some(({ ownRead }) => ownRead === 6));
      same(await unread(alice), [['5', 0], ['carol', 1]]);
    },
    async (at) => {
      const alice = await at.client('alice');
      same((await alice.conversations()).map(({ unread, ownRead }) => [unread, ownRead]), [[0, 6], [1, 0]]);
    },
  ],

  'a gap where something has disappeared; a body that is none': [
    async (at) => {
      await (await at.connected('bob')).close();
      const alice = await at.connected('alice');
      const toBob = at.user('bob');
      await alice.send(toBob, 'stays').until('sent');
      await alice.send(toBob, 'soon gone', { expiresInS: 1 }).until('sent');
      const before = alice.serverTimeMs();
      await becomes(async () => alice.serverTimeMs() > before + 1_100 && (await messagesOf(alice, toBob)).length === 1);
      await alice.send(toBob, 'stays too').until('sent');
      const damaged = create(MessageSchema, { id: createUlid()(), body: Uint8Array.of(255, 255, 255) });
      const user = at.user('mallory');
      const opened = new Promise<{ publish(): void }>((resolve, reject) => {
        void at.world.token(user).then((password) => {
          const connection = at.transport.connect({ url: at.url, clientId: `${user}:raw`, username: user, password, keepaliveS: 0, connectTimeoutMs: 10_000 }, {
            open: () => resolve({ publish: () => void connection.publish(`to/${toBob}`, toBinary(MessageSchema, damaged)) }),
            packet() {},
            heard() {},
            close: ({ error }) => reject(error ?? new Error('closed')),
          });
        });
      });
      (await opened).publish();
    },
    async (at) => {
      const bob = await at.client('bob');
      const [heard, undecodable] = [new Recorder(bob, 'message', 'gap'), new Recorder(bob, 'undecodable')];
      await bob.connect();
      await heard.until(3);
      same(heard.events.map((one) => (one.type === 'gap' ? [one.from, one.to] : one.text)), ['stays', [2, 2], 'stays too']);
      await undecodable.until(1);
      same(undecodable.events[0].message?.from, at.user('mallory'));
      const alice = await at.connected('alice');
      await alice.send(at.user('bob'), 'it goes on').until('delivered');
    },
  ],

  'a token that ends is renewed in time; one that is refused signs out, and a better one in again': [
    async (at) => {
      const user = at.user('alice');
      let asked = 0;
      const renewed = { told: (): void => {} };
      const second = new Promise<void>((resolve) => (renewed.told = resolve));
      const token = (): Promise<string> => {
        if (++asked === 2) renewed.told();
        return at.world.token(user, asked === 1 ? 3 : undefined);
      };
      const alice = await at.connected('alice', { token, timing: { renewBeforeMs: 60_000 } });
      const states = new Recorder(alice, 'connection');
      await second;
      await becomes(async () => Date.now() / 1_000 > JSON.parse(atob((await at.world.token(user)).split('.')[1])).iat);
      await alice.send(user, 'still here').until('sent');
      same(states.events, [], 'it was connected all the time');

      let good = false;
      const bob = await at.client('bob', { token: () => at.world.token(at.user('bob'), undefined, good) });
      const told = new Recorder(bob, 'connection');
      same(await codeOf(() => bob.connect()), Code.UNAUTHENTICATED);
      same([bob.connection, told.events.at(-1)?.state], ['signed-out', 'signed-out']);
      const waiting = bob.send(user, 'when I may');
      good = true;
      await bob.connect();
      await waiting.until('delivered');
    },
  ],

  'the same device elsewhere: taken over is shown, not fought; connect takes it back': [
    async (at) => {
      const first = await at.connected('alice', { device: 'phone' });
      const states = new Recorder(first, 'connection');
      const second = await at.connected('alice', { device: 'phone', as: 'second' });
      const others = new Recorder(second, 'connection');
      await states.until((events) => events.at(-1)?.state === 'taken-over');
      await second.send(at.user('alice'), 'mine now').until('sent');
      same([first.connection, second.connection], ['taken-over', 'connected']);
      await first.connect();
      await others.until((events) => events.at(-1)?.state === 'taken-over');
      await first.send(at.user('alice'), 'mine again').until('sent');
    },
  ],

  [limited]: [
    async (at) => {
      let held = 0;
      const debug = ({ what }: { what: string }): void => void (what === 'refused for now' && held++);
      const bob = await at.connected('bob');
      const heard = new Recorder(bob, 'message', 'gap');
      const [phone, laptop] = [await at.connected('alice', { debug }), await at.connected('alice', { as: 'laptop', debug })];
      const sent = numbers(42).map((text) => phone.send(at.user('bob'), text));
      const more = laptop.send(at.user('bob'), 'from the other device');
      await sentAll([...sent, more]);
      await heard.until(43);
      same((texts(heard.events) as string[]).filter((text) => text !== 'from the other device'), numbers(42));
      ok(held > 0, 'the limit was met');
    },
  ],

  'a server killed with -9 while messages are on their way, and connections that break: in order, once, ticked': [
    async (at) => {
      const { alice, bob, toBob, toAlice, heard } = await pair(at);
      const back = new Recorder(alice, 'message', 'gap');
      const sent = numbers(90).map((text) => alice.send(toBob, text));
      const others = numbers(30).map((text) => bob.send(toAlice, text));
      await heard.until(10);
      await at.world.killServer();
      await heard.until(40);
      await at.world.cut();
      await Promise.all([...sent, ...others].map((one) => one.until('delivered')));
      await back.until(30);
      same(texts(heard.events), numbers(90));
      same(texts(back.events), numbers(30));
      same((await ticks(alice, toBob)).filter((one) => one.endsWith('sent')), []);
    },
  ],

  'offline and online, as the platform tells it: shown, kept, and tried at once': [
    async (at) => {
      // Only alice is where there is no network: what bob does waits until it is back.
      const { alice, bob, toBob, heard } = await pair(at);
      const states = new Recorder(alice, 'connection');
      await at.world.setOffline(true);
      await at.world.cut();
      await states.until((events) => events.at(-1)?.state === 'waiting' && (events.at(-1)?.retryAtMs ?? 0) > Date.now() + 30_000);
      const sent = alice.send(toBob, 'in the tunnel');
      await sent.until('queued');
      same([alice.connection, sent.state], ['waiting', 'queued']);
      await at.world.setOffline(false);
      await states.until((events) => events.at(-1)?.state === 'connected');
      await bob.connect();
      await sent.until('delivered');
      await heard.until(1);
      same(texts(heard.events), ['in the tunnel']);
    },
  ],

  'a refusal fails the message with its code; it can be sent again, or given up': [
    async (at) => {
      const alice = await at.connected('alice');
      const states = new Recorder(alice, 'state');
      const sent = alice.send(at.user('nobody'), 'hello');
      same(await codeOf(() => sent.until('sent')), Code.UNKNOWN_USER);
      same([sent.state, sent.error?.code, states.events.at(-1)?.state], ['failed', Code.UNKNOWN_USER, 'failed']);
      await (await at.connected('nobody')).close();
      await sent.retry();
      await sent.until('sent');
      same(alice.outbox(), []);
      const other = alice.send(at.user('stranger'), 'hello');
      same(await codeOf(() => other.until('sent')), Code.UNKNOWN_USER);
    },
    async (at) => {
      const alice = await at.client('alice');
      const [failed] = alice.outbox();
      same([failed.state, failed.error?.code, failed.text], ['failed', Code.UNKNOWN_USER, 'hello']);
      await failed.discard();
      same(alice.outbox(), []);
    },
  ],

  'a stream gives messages one after the other; one that is not dealt with comes again after the end of the app': [
    async (at) => {
      const { alice, bob, toBob } = await pair(at);
      const sent = numbers(3).map((text) => alice.send(toBob, text));
      const got: (string | undefined)[] = [];
      for await (const message of bob.stream(['message'])) {
        got.push(message.text);
        // The loop is left with this one in hand: it is dealt with, and the rest goes on to whoever listens.
        if (got.length === 2) break;
      }
      same(got, ['0', '1']);
      await Promise.all(sent.map((one) => one.until('delivered')));
      const stuck = new Promise<void>((resolve) => bob.on('message', ({ text }) => (text === 'last' ? (resolve(), new Promise(() => {})) : undefined)));
      alice.send(toBob, 'last');
      await stuck;
    },
    async (at) => {
      const bob = await at.client('bob');
      const heard = new Recorder(bob, 'message');
      await bob.connect();
      await heard.until((events) => events.at(-1)?.text === 'last');
      same(heard.events.at(-1)?.again, true);
    },
  ],
};
