import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { check } from './checker.js';
import type { Kind } from './checks/finding.js';
import type { DeviceHistory, History } from './history.js';
import type { Folded, Written } from './journal.js';
import type { Tamper } from './link.js';
import { plant, type Plant } from './plant.js';
import { describeRound, excerpt } from './report.js';
import { runRound, type Round } from './round.js';

let folder: string;
let recorded: Promise<Round>;
let planted: Promise<Round>;
const plants: [string, Plant][] = [['alice:a', 'loss'], ['carol:a', 'repeat'], ['heidi:a', 'swap']];
const where = new Map<Plant, { clientId: string; conversation: string; seq: number }>();

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'godwit-chaos-'));
  recorded = calmRound('recorded');
  planted = calmRound('planted', new Map(plants.map(([clientId, what]) => [clientId, plant(what, (conversation, seq) => where.set(what, { clientId, conversation, seq }))])));
});
after(async () => {
  await Promise.allSettled([recorded, planted]);
  await rm(folder, { recursive: true, force: true });
});

/** Five seconds without a fault of anybody's. Everyone named below is written to in bursts, with this seed. */
function calmRound(name: string, tamper?: ReadonlyMap<string, () => Tamper>): Promise<Round> {
  const own = join(folder, name);
  return runRound({ seed: 7, seconds: 5, folder: own, dataIn: own, disk: false, faults: false, ...(tamper && { tamper, longSilenceMs: 6_000 }) });
}

describe('a recorded history', () => {
  let round: Round;
  before(async () => {
    round = await recorded;
  });

  /** A copy in which the journal of one device is changed; what the checker counts then. */
  function changed(clientId: string, change: (entries: Written[]) => void): Record<Kind, number> {
    const history = structuredClone(round.history);
    change(deviceOf(history, clientId).entries);
    return check(history).counts;
  }

  /** Two deliveries behind one another in a conversation, to a device that takes in what it is given at once. */
  function pair(): { clientId: string; conversation: string; first: number; second: number } {
    for (const { clientId, kind, entries } of round.history) {
      if (kind !== 'chat') continue;
      for (const [first, entry] of entries.entries()) {
        if (entry.what !== 'delivered' || !isDirect(entry)) continue;
        // Without one before it nobody knows that anything is missing.
        if (!entries.slice(0, first).some((it) => it.what === 'delivered' && it.conversation === entry.conversation)) continue;
        const second = entries.findIndex((it, index) => index > first && it.what === 'delivered' && it.conversation === entry.conversation && it.seq === entry.seq + 1 && it.connection === entry.connection);
        const goesOn = entries.some((it, index) => index > second && it.what === 'delivered' && it.conversation === entry.conversation);
        if (second > 0 && goesOn) return { clientId, conversation: entry.conversation, first, second };
      }
    }
    throw new Error('no two messages behind one another');
  }

  test('is without fault as it is, and holds what the test needs', () => {
    assert.deepEqual(round.failures, []);
    assert.deepEqual(round.verdict.findings, [], describeRound(round));
    assert.ok(round.verdict.shown > 20 && round.verdict.folds > 10, describeRound(round));
    assert.ok(round.verdict.messages > 100 && round.verdict.receipts > 20, describeRound(round));
    assert.ok(round.history.some(({ entries }) => entries.some(({ what }) => what === 'raw')), 'a plain device was given something');
  });

  test('with a delivery taken away has one loss, and the next delivery proves nothing', () => {
    const { clientId, first } = pair();
    const counts = changed(clientId, (entries) => entries.splice(first, 1));
    assert.deepEqual([counts.lost, counts.unproven], [1, 1]);
  });

  test('with two deliveries swapped has one that comes too late', () => {
    const { clientId, first, second } = pair();
    const counts = changed(clientId, (entries) => ([entries[first], entries[second]] = [entries[second], entries[first]]));
    assert.equal(counts.reordered, 1);
  });

  test('with a delivery given twice on one connection has one repeat', () => {
    const { clientId, first } = pair();
    const counts = changed(clientId, (entries) => entries.splice(first, 0, entries[first]));
    assert.deepEqual([counts.repeated, counts.lost], [1, 0]);
  });

  test('with one message at two places has one repeat', () => {
    const { clientId, first, second } = pair();
    const counts = changed(clientId, (entries) => Object.assign(entries[second], { ...entries[first], seq: (entries[second] as { seq: number }).seq }));
    assert.equal(counts.repeated, 1);
    assert.ok(counts['placed twice'] > 0 && counts.lost > 0);
  });

  test('with a PUBACK for what nobody has is a loss for everyone it was for', () => {
    const sender = round.history.find(({ kind }) => kind === 'chat')!;
    const token = `${sender.clientId}#99999+0`;
    const peer = sender.user === 'alice' ? 'bob' : 'alice';
    const conversation = `d:${[sender.user, peer].sort().join(':')}`;
    const counts = changed(sender.clientId, (entries) =>
      entries.push(
        { at: 0, what: 'sent', token, conversation, to: peer, id: 'ff', qos: 1, expiresInS: 0, packetId: 0 },
        { at: 0, what: 'acknowledged', token },
      ),
    );
    const devices = round.history.filter(({ user, clientId, kind }) => (user === peer || user === sender.user) && clientId !== sender.clientId && kind !== 'live');
    assert.equal(counts.lost, devices.length);
  });

  test('with a message of one sender accepted before an earlier one has a wrong order', () => {
    const { clientId, entries } = round.history.find(({ kind }) => kind === 'chat')!;
    const sent = entries.filter((entry) => entry.what === 'sent').filter(isDirect);
    const first = sent.findIndex(({ conversation }, index) => sent.findIndex((it) => it.conversation === conversation) < index);
    const earlier = sent.find(({ conversation }) => conversation === sent[first].conversation)!;
    const counts = changed(clientId, (all) => {
      const [one, other] = [earlier, sent[first]].map(({ token }) => all.findIndex((entry) => entry.what === 'sent' && entry.token === token));
      [all[one], all[other]] = [all[other], all[one]];
    });
    assert.ok(counts.reordered > 0);
  });

  test('with a gap over what had not expired has a loss', () => {
    const { clientId, first } = pair();
    const counts = changed(clientId, (entries) => {
      const { at, connection, conversation, seq, after: before_ } = entries[first] as Extract<Written, { what: 'delivered' }>;
      entries[first] = { at, what: 'gap', connection, conversation, from: seq, seq, reason: 1, after: before_ };
    });
    assert.equal(counts.lost, 1);
  });

  test('with a tick before anyone had it, and without the last tick, has wrong ticks', () => {
    const device = round.history.find(({ kind, entries }) => kind === 'chat' && entries.some((entry) => entry.what === 'receipt' && isDirect(entry)))!;
    let floors = 0;
    const early = changed(device.clientId, (entries) => {
      const receipt = entries.find((entry) => entry.what === 'receipt' && isDirect(entry)) as Extract<Written, { what: 'receipt' }>;
      receipt.at = 0;
      // Each of the floors that it tells came too early.
      floors = [receipt.delivered, receipt.read, receipt.ownRead].filter((floor) => floor > 0).length;
    });
    assert.ok(floors > 0);
    assert.equal(early['wrong tick'], floors);
    const missing = changed(device.clientId, (entries) => {
      const kept = entries.filter((entry) => entry.what !== 'receipt');
      entries.splice(0, entries.length, ...kept);
    });
    assert.ok(missing['wrong tick'] > 0);
  });

  test('with something that nobody sent, that was never acknowledged, or that broke a rule, has those faults', () => {
    const { clientId, first } = pair();
    const invented = changed(clientId, (entries) => Object.assign(entries[first], { token: 'mallory:a#1+0' }));
    assert.deepEqual([invented.invented, invented.lost], [1, 1]);
    const stuck = changed(clientId, (entries) => entries.splice(entries.findIndex(({ what }) => what === 'acknowledged'), 1));
    assert.equal(stuck.stuck, 1);
    assert.equal(changed(clientId, (entries) => entries.push({ at: 0, what: 'presence', user: 'bob', state: 0 }))['wrong presence'], 1);
    assert.equal(changed(clientId, (entries) => entries.push({ at: 0, what: 'broken', rule: 'any' }))['broken rule'], 1);
  });

  test("with what the SDK has shown taken away, swapped, or shown twice without saying so, has that fault", () => {
    const { clientId, entries } = round.history.find(({ kind, entries }) => kind === 'sdk' && entries.filter((entry) => entry.what === 'shown' && isDirect(entry)).length > 10)!;
    const shown = entries.flatMap((entry, index) => (entry.what === 'shown' && isDirect(entry) ? [{ ...entry, index }] : []));
    // Behind one another in a conversation, and neither disappears.
    const first = shown.find((one) => shown.some((it) => it.conversation === one.conversation && it.seq === one.seq + 1) && !short(one) && !short(shown.find((it) => it.conversation === one.conversation && it.seq === one.seq + 1)!))!;
    const second = shown.find((it) => it.conversation === first.conversation && it.seq === first.seq + 1)!;
    assert.equal(changed(clientId, (all) => all.splice(first.index, 1)).lost, 1);
    const swapped = changed(clientId, (all) => ([all[first.index], all[second.index]] = [all[second.index], all[first.index]]));
    assert.equal(swapped.reordered, 1);
    assert.equal(changed(clientId, (all) => all.splice(first.index, 0, all[first.index])).repeated, 1);
    const again = changed(clientId, (all) => all.splice(second.index + 1, 0, { ...(all[first.index] as typeof first), again: true }));
    assert.deepEqual([again.repeated, again.reordered], [0, 0], 'it may be, if it is said');
    const { at, conversation, seq } = first;
    assert.equal(changed(clientId, (all) => all.push({ at, what: 'gap', connection: 1, conversation, from: seq, seq, reason: -1, after: undefined })).unproven, 1);

    function short({ id, token }: { id: string; token?: string }): boolean {
      return round.history.some(({ entries }) => entries.some((entry) => entry.what === 'sent' && entry.expiresInS > 0 && (entry.id === id || entry.token === token)));
    }
  });

  test('with what the outbox of the SDK has kept taken back has a loss; what it had not is nobody\'s', () => {
    const { clientId, entries } = round.history.find(({ kind, entries }) => kind === 'sdk' && entries.some(({ what }) => what === 'kept'))!;
    const device = round.history.find(({ kind }) => kind === 'sdk')!;
    const { user } = device;
    const sent = { at: 0, what: 'sent', token: `${clientId}#99999+0`, conversation: `d:${user}:zoe`, to: 'zoe', id: 'ff', qos: 1, expiresInS: 0, packetId: 0 } as const;
    assert.ok(entries.length > 0);
    const withdrawn = changed(clientId, (all) => all.push(sent, { at: 0, what: 'withdrawn', token: sent.token }));
    assert.deepEqual([withdrawn.lost, withdrawn.stuck], [0, 0]);
    assert.equal(changed(clientId, (all) => all.push(sent, { at: 0, what: 'kept', token: sent.token }, { at: 0, what: 'withdrawn', token: sent.token })).lost, 1);
  });

  test('with another edit, reaction, deletion or answer shown than the log has, is wrongly folded', () => {
    const { clientId, entries } = round.history.find(({ kind, entries }) => kind === 'sdk' && entries.some((entry) => entry.what === 'folded' && entry.messages.some(({ reactions }) => reactions.length > 0)))!;
    const last = entries.findLastIndex((entry) => entry.what === 'folded' && entry.messages.some(({ reactions }) => reactions.length > 0));
    const fold = (change: (messages: Folded[], one: number) => unknown): number =>
      changed(clientId, (all) => {
        const { conversation, messages } = all[last] as Extract<Written, { what: 'folded' }>;
        change(messages, messages.findIndex(({ reactions }) => reactions.length > 0));
        // What was written down last of that conversation counts.
        const later = all.filter((entry, index) => index <= last || entry.what !== 'folded' || entry.conversation !== conversation);
        all.splice(0, all.length, ...later);
      })['wrongly folded'];
    assert.equal(fold(() => undefined), 0);
    assert.equal(fold((messages, one) => messages.splice(one, 1)), 1);
    assert.equal(fold((messages, one) => messages[one].reactions.pop()), 1);
    assert.equal(fold((messages, one) => (messages[one].says = 'mallory:s#1+0')), 1);
    assert.equal(fold((messages, one) => (messages[one] = { ...messages[one], says: undefined, reactions: [] })), 1);
    assert.equal(fold((messages, one) => (messages[one].replyTo = 'ff')), 1);
  });

  test('with a raw delivery taken away, or swapped, has the fault too', () => {
    const plain = round.history.find(({ kind, entries }) => kind === 'plain' && entries.filter((entry) => entry.what === 'raw' && isDirect(entry)).length > 5)!;
    const raws = plain.entries.flatMap((entry, index) => (entry.what === 'raw' && isDirect(entry) ? [{ ...entry, index }] : [])).sort((one, other) => one.arrived - other.arrived);
    const one = raws.find(({ conversation }) => raws.filter((it) => it.conversation === conversation).length > 1)!;
    const [first, second] = raws.filter(({ conversation }) => conversation === one.conversation);
    assert.equal(changed(plain.clientId, (entries) => entries.splice(first.index, 1)).lost, 1);
    const swapped = changed(plain.clientId, (entries) => {
      Object.assign(entries[first.index], { arrived: second.arrived });
      Object.assign(entries[second.index], { arrived: first.arrived });
    });
    assert.equal(swapped.reordered, 1);
  });
});

test('what is planted between server and devices is seen, and the excerpt shows it', async () => {
  const round = await planted;
  assert.deepEqual([...where.keys()].sort(), ['loss', 'repeat', 'swap'], 'all of them were planted');
  const { findings } = round.verdict;
  const expected: [Plant, Kind][] = [['loss', 'lost'], ['repeat', 'repeated'], ['repeat', 'placed twice'], ['swap', 'reordered']];
  for (const [what, kind] of expected) {
    const { clientId, conversation } = where.get(what)!;
    const finding = findings.find((it) => it.kind === kind && it.conversation === conversation && it.clientId === clientId) ?? findings.find((it) => it.kind === kind && it.conversation === conversation);
    assert.ok(finding, `${what} is seen as ${kind}:\n${describeRound(round)}`);
    assert.ok(excerpt(round, finding).length > 0, `an excerpt of ${kind}`);
  }
  // Nothing is blamed on conversations that nobody touched.
  const touched = new Set([...where.values()].map(({ conversation }) => conversation));
  assert.deepEqual(findings.filter(({ conversation }) => conversation !== undefined && !touched.has(conversation)), []);
});

/** What happens in groups has faults of its own: see checker-groups.test.ts. */
function isDirect({ conversation }: { conversation: string }): boolean {
  return conversation.startsWith('d:');
}

function deviceOf(history: History, clientId: string): DeviceHistory {
  return history.find((device) => device.clientId === clientId)!;
}
