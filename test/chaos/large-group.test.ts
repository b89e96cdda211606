import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IPublishPacket as Publish } from 'mqtt-packet';
import { Code, create, deliveryTopics, fromBinary, methods, parseDeliveryTopic, publishTopics, Reason, RequestSchema, ResultSchema, toBinary } from 'godwit-schemas';
import { encodeMessage, newId } from '../support/deliveries.js';
import { serveProcess, type ServeProcess } from '../support/process.js';
import { Wire } from '../support/wire.js';
import { bodyOf, tokenOf } from './body.js';
import { checkCalls } from './checks/calls.js';
import type { Finding } from './checks/finding.js';
import { checkGroups } from './checks/groups.js';
import { checkLeaks } from './checks/leaks.js';
import { Ledger } from './checks/ledger.js';
import { checkPlaces } from './checks/places.js';
import { checkSenders } from './checks/senders.js';
import { readDelivery } from './client/delivery.js';
import { answerOf, requestOf, type GroupMove } from './client/group-moves.js';
import type { DeviceHistory } from './history.js';
import { clock, type ToWrite, type Written } from './journal.js';

const MEMBERS = 1_024;
const CONNECTED = 200;
/** Of them write. */
const WRITERS = 3;
const MESSAGES = 60;
const REMOVALS = 12;
const REMOVED_AT_ONCE = 6;
/** Connections that are made at once. */
const AT_ONCE = 50;
const GROUP = 'everyone';

/** A member's device: a connection now and then, and what it was given, as the checker reads it. */
class Member {
  readonly entries: Written[] = [];
  readonly user: string;
  wire: Wire | undefined;
  private connections = 0;
  private said = 0;
  /** What is not acknowledged, in order. */
  private open: { token: string; id: Uint8Array; packetId: number }[] = [];
  private settled: (() => void) | undefined;

  constructor(number: number) {
    this.user = `m${number}`;
  }

  get clientId(): string {
    return `${this.user}:a`;
  }

  get history(): DeviceHistory {
    return { clientId: this.clientId, user: this.user, kind: 'chat', habit: 'prompt', entries: this.entries };
  }

  async connect(t: Parameters<typeof serveProcess>[0], server: ServeProcess): Promise<void> {
    const wire = await Wire.dial(t, server, this.clientId);
    const connection = ++this.connections;
    wire.packets.listen((packet) => {
      if (packet.cmd === 'publish') this.heard(packet, connection);
      else if (packet.cmd === 'puback') this.acknowledged(packet.messageId!);
    });
    const { returnCode, sessionPresent } = await wire.login(server, this.clientId);
    assert.equal(returnCode, 0);
    this.write({ what: 'connected', connection, present: sessionPresent });
    if (!sessionPresent) await wire.subscribe([deliveryTopics.msg, deliveryTopics.feed, deliveryTopics.result, deliveryTopics.rpc].map((topic) => topic(this.user)));
    this.wire = wire;
    for (const message of this.open) this.publish(message);
  }

  async leave(): Promise<void> {
    await this.wire?.leave();
    this.wire = undefined;
  }

  /** Says so many things, and resolves when the server has them all, on whichever connection. */
  say(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const token = tokenOf(this.clientId, ++this.said, 20);
      const message = { token, id: newId(), packetId: 0 };
      this.write({ what: 'sent', token, conversation: `g:${GROUP}`, to: `g:${GROUP}`, id: Buffer.from(message.id).toString('hex'), qos: 1, expiresInS: 0, packetId: 0 });
      this.open.push(message);
      this.publish(message);
    }
    return new Promise((resolve) => (this.settled = resolve));
  }

  /** Makes a control call, again on each connection until it is answered. */
  async call(move: GroupMove, reconnected: () => Promise<void>): Promise<void> {
    const callId = newId();
    const id = Buffer.from(callId).toString('hex');
    const { request, response } = methods[move.method];
    const params = toBinary(request, create(request, requestOf(move) as never) as never);
    for (;;) {
      const { wire } = this;
      this.write({ what: 'calling', call: id, ...move });
      wire?.publish(publishTopics.rpc(move.method), toBinary(RequestSchema, create(RequestSchema, { callId, params })));
      try {
        const answer = await wire!.next('rpc', `the answer to ${move.method}`, ({ value }) => Buffer.from(value.callId).equals(Buffer.from(callId)));
        const { value, error } = answer.value;
        this.write({ what: 'answered', call: id, code: error?.code ?? Code.OK, ...(error ? { revision: 0, changed: [] } : answerOf(fromBinary(response, value))) });
        return;
      } catch (error) {
        if (wire?.open) throw error;
        await reconnected();
      }
    }
  }

  /** Resolves when it was given the place, or one behind it. */
  async until(seq: number): Promise<void> {
    if (this.entries.some((entry) => entry.what === 'delivered' && entry.conversation === `g:${GROUP}` && entry.seq >= seq)) return;
    await this.wire!.next('msg', `place ${seq}`, ({ value }) => value.conversation === `g:${GROUP}` && Number(value.seq) >= seq);
  }

  private publish(message: (typeof this.open)[number]): void {
    if (!this.wire?.open) return;
    message.packetId = this.wire.publish(publishTopics.group(GROUP), encodeMessage(bodyOf(message.token), { id: message.id }));
  }

  private heard({ topic, payload, dup }: Publish, connection: number): void {
    const { kind } = parseDeliveryTopic(topic)!;
    if (kind === 'msg' || kind === 'feed') this.write(readDelivery(payload as Buffer, connection, dup));
    if (kind !== 'result') return;
    const { id, code, seq } = fromBinary(ResultSchema, payload as Buffer);
    const message = this.open.find((one) => Buffer.from(one.id).equals(Buffer.from(id)));
    if (message) this.write(code === Code.OK ? { what: 'accepted', token: message.token, seq: Number(seq) } : { what: 'broken', rule: `${message.token} was refused: ${Code[code]}` });
  }

  private acknowledged(packetId: number): void {
    if (this.open[0]?.packetId !== packetId) return;
    this.write({ what: 'acknowledged', token: this.open.shift()!.token });
    if (this.open.length === 0) this.settled?.();
  }

  private write(entry: ToWrite): void {
    this.entries.push({ at: clock(), ...entry } as Written);
  }
}

test('a group of 1,024: members are removed and come again while messages fly and the server is killed; nobody lacks what is theirs or sees more', { timeout: 120_000 }, async (t) => {
  const server = await serveProcess(t);
  const members = Array.from({ length: MEMBERS }, (_, number) => new Member(number));
  const here = members.slice(0, CONNECTED);
  const each = async (some: readonly Member[], work: (member: Member) => Promise<void>): Promise<void> => {
    for (let from = 0; from < some.length; from += AT_ONCE) await Promise.all(some.slice(from, from + AT_ONCE).map(work));
  };
  await each(members, async (member) => {
    await member.connect(t, server);
    if (!here.includes(member)) await member.leave();
  });
  const [creator, ...others] = members;
  let back = Promise.resolve();
  const ask = (who: Member, method: GroupMove['method'], users: readonly Member[]): Promise<void> => who.call({ method, group: GROUP, users: users.map(({ user }) => user) }, () => back);
  await ask(creator, 'groups.create', others);

  // Of those who are here and of those who are away, none of them a writer.
  const removals = Array.from({ length: REMOVALS }, (_, i) => [...here.slice(10 + i * 3, 13 + i * 3), ...members.slice(500 + i * 3, 503 + i * 3)]);
  assert.equal(removals[0].length, REMOVED_AT_ONCE);
  const writing = here.slice(0, WRITERS).map(async (writer) => {
    for (let said = 0; said < MESSAGES; said += 5) await writer.say(5);
  });
  for (const [i, removed] of removals.entries()) {
    if (i === REMOVALS / 2) {
      // In the middle of a change that nobody has heard of yet, and of messages.
      const removing = ask(creator, 'groups.remove', removed);
      back = server.kill().then(() => server.start()).then(() => each(here, (member) => member.connect(t, server)));
      await Promise.all([back, removing]);
    } else await ask(creator, 'groups.remove', removed);
    // Some are there again a moment later, some leave by themselves.
    if (i % 3 === 0) await ask(here[3], 'groups.add', removed);
    else if (i % 3 === 1) await ask(here[100 + i], 'groups.leave', []);
  }
  await Promise.all(writing);
  await here[1].say(1);

  const away = [...removals.flat(), ...members.slice(600, 650)].filter((member) => !member.wire);
  await each(away, (member) => member.connect(t, server));
  const watched = [...here, ...away];
  const ledger = (): Ledger => new Ledger(watched.map(({ history }) => history), false);
  const { membership, logs } = ledger();
  const log = logs.get(`g:${GROUP}`)!;
  await each(watched, async (member) => {
    const places = [...log].filter(([seq, token]) => membership.holds(`g:${GROUP}`, member.user, seq) && !token.startsWith(`${member.clientId}#`));
    await member.until(Math.max(...places.map(([seq]) => seq)));
    await member.wire!.pong();
  });

  const findings: Finding[] = [];
  const found = (finding: Finding): void => void findings.push(finding);
  const end = ledger();
  findings.push(...end.findings);
  checkGroups(end, checkPlaces(end, found), found);
  checkLeaks(end, found);
  checkCalls(end.history, end.membership, found);
  checkSenders(end, found);
  assert.deepEqual(findings, []);
  const stands = [...end.messages.values()].filter(({ places }) => places.length === 1).length;
  assert.equal(stands, WRITERS * MESSAGES + 1);
  const gaps = watched.flatMap(({ entries }) => entries.filter((entry) => entry.what === 'gap' && entry.reason === Reason.NOT_MEMBER));
  const gone = watched.filter(({ user }) => end.membership.windowsOf(`g:${GROUP}`, user).every(({ to }) => to !== Infinity));
  assert.ok(gaps.length > 0 && gone.length >= 40, `${gaps.length} were away for a while, ${gone.length} are gone`);
});
