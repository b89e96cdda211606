import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Code, Reason } from 'godwit-schemas';
import { senderOf } from './body.js';
import { check } from './checker.js';
import type { Kind } from './checks/finding.js';
import { Membership } from './checks/membership.js';
import type { DeviceHistory, History } from './history.js';
import type { Written } from './journal.js';
import { describeRound } from './report.js';
import { runRound, type Round } from './round.js';

type Delivered = Extract<Written, { what: 'delivered' }>;

describe('a recorded history of groups', () => {
  let folder: string;
  let round: Round;
  let membership: Membership;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'godwit-chaos-'));
    round = await runRound({ seed: 7, seconds: 8, folder, dataIn: folder, disk: false, faults: false });
    membership = new Membership(round.history);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  /** A copy in which what the devices wrote down is changed; what the checker counts then. */
  function changed(change: (history: History) => unknown): Record<Kind, number> {
    const history = structuredClone(round.history);
    change(history);
    return check(history).counts;
  }

  const of = (history: History, clientId: string): Written[] => history.find((device) => device.clientId === clientId)!.entries;

  /** A message in a group, as a chat device was given it at once, behind another place and before one. */
  function message(fits: (device: DeviceHistory, entry: Delivered) => boolean = () => true): { clientId: string; entry: Delivered } {
    for (const device of round.history) {
      if (device.kind !== 'chat') continue;
      const given = device.entries.filter((entry) => entry.what === 'delivered');
      for (const entry of given) {
        const next = given.find((it) => it.conversation === entry.conversation && it.seq === entry.seq + 1);
        if (entry.conversation.startsWith('g:') && !entry.change && next && fits(device, entry)) return { clientId: device.clientId, entry };
      }
    }
    throw new Error('no such message');
  }

  function mostChanged() {
    const [conversation, changes] = [...membership.changes].reduce((most, it) => (it[1].length > most[1].length ? it : most));
    return { conversation, changes };
  }

  /** The chat device of someone who is not in the conversation at that place. */
  function outsider({ conversation, seq }: { conversation: string; seq: number }): DeviceHistory {
    return round.history.find(({ kind, user }) => kind === 'chat' && !membership.holds(conversation, user, seq) && membership.windowsOf(conversation, user).length === 0)!;
  }

  test('is without fault as it is, and holds what the test needs', () => {
    assert.deepEqual(round.failures, []);
    assert.deepEqual(round.verdict.findings, [], describeRound(round));
    const { inGroups, rejected } = round.verdict;
    assert.ok(mostChanged().changes.length > 2 && inGroups > 30 && rejected > 0, describeRound(round));
  });

  test('with a message given to who is not in the group, by msg or raw, has one leak', () => {
    const { entry } = message((_, one) => outsider(one) !== undefined);
    const { clientId } = outsider(entry);
    assert.equal(changed((history) => of(history, clientId).push({ ...entry, connection: 1, after: undefined })).leaked, 1);
    const plain = round.history.find(({ kind, user }) => kind === 'plain' && membership.windowsOf(entry.conversation, user).length === 0)!;
    const { conversation, token } = entry;
    assert.equal(changed((history) => of(history, plain.clientId).push({ at: 0, what: 'raw', connection: 1, arrived: 0, conversation, token, dup: false })).leaked, 1);
  });

  test('with a message taken from who is not in the group has one leak; so with a tick, or a gap that says too much', () => {
    const { entry } = message((_, one) => outsider(one) !== undefined);
    const { conversation } = entry;
    const { clientId } = outsider(entry);
    const seq = Math.max(...round.history.flatMap(({ entries }) => entries.map((one) => (one.what === 'delivered' && one.conversation === conversation ? one.seq : 0)))) + 1;
    const token = `${clientId}#99999+0`;
    const taken = changed((history) => of(history, clientId).push({ at: 0, what: 'sent', token, conversation, to: conversation, id: 'ff', qos: 1, expiresInS: 0, packetId: 0 }, { at: 0, what: 'accepted', token, seq }, { at: 0, what: 'acknowledged', token }));
    assert.equal(taken.leaked, 1);
    assert.equal(changed((history) => of(history, clientId).push({ at: 0, what: 'receipt', conversation, delivered: 1, read: 0, ownRead: 0 })).leaked, 1);
    for (const reason of [Reason.NOT_MEMBER, Reason.EXPIRED]) {
      assert.equal(changed((history) => of(history, clientId).push({ at: 0, what: 'gap', connection: 1, conversation, from: 1, seq: 2, reason, after: undefined })).leaked, 1, Reason[reason]);
    }
  });

  test('with a place within one\'s time told as "not a member" has that fault, and a loss', () => {
    const { clientId, entry } = message();
    const counts = changed((history) => {
      const entries = of(history, clientId);
      const { at, connection, conversation, seq, after: before_ } = entry;
      entries[entries.findIndex((it) => it.what === 'delivered' && it.conversation === conversation && it.seq === seq)] = { at, what: 'gap', connection, conversation, from: seq, seq, reason: Reason.NOT_MEMBER, after: before_ };
    });
    assert.deepEqual([counts.leaked, counts.lost], [1, 1]);
  });

  test('with a message, a change or a word in the feed taken away has one loss', () => {
    const { clientId, entry } = message();
    const without = (fits: (it: Delivered) => boolean): number =>
      changed((history) => {
        const entries = of(history, clientId);
        entries.splice(entries.findIndex((it) => it.what === 'delivered' && fits(it)), 1);
      }).lost;
    assert.equal(without((it) => it.conversation === entry.conversation && it.seq === entry.seq), 1);
    assert.equal(without((it) => it.conversation === entry.conversation && it.change !== undefined && it.change.by !== clientId.split(':')[0]), 1);
    assert.ok(without((it) => it.conversation.startsWith('u:')) > 0);
  });

  test('with a message refused for good that stands all the same breaks a rule', () => {
    const { entry } = message();
    const counts = changed((history) => of(history, senderOf(entry.token)).push({ at: 0, what: 'rejected', token: entry.token, code: Code.UNKNOWN_CONVERSATION }));
    assert.equal(counts['broken rule'], 1);
  });

  test('with a change that is missing, stands twice, or in another order, has that fault', () => {
    const { conversation, changes } = mostChanged();
    const [one, other] = changes.slice(-2);
    /** What everyone was told of the places of these changes. */
    const edit = (what: (entry: Delivered, entries: Written[]) => void) => (history: History): void => {
      for (const { entries } of history) {
        for (const entry of [...entries]) if ((entry.what === 'delivered' || entry.what === 'shown') && entry.conversation === conversation && entry.change) what(entry as Delivered, entries);
      }
    };
    const revise = (entry: Delivered, revision: number): void => void Object.assign(entry, { change: { ...entry.change, revision }, token: entry.token.replace(/^\*\d+/, `*${revision}`) });
    assert.ok(changed(edit((entry, entries) => entry.seq === one.seq && entries.splice(entries.indexOf(entry), 1))).lost > 0);
    assert.equal(changed(edit((entry) => entry.seq === other.seq && revise(entry, one.revision))).repeated, 1);
    assert.equal(changed(edit((entry) => (entry.seq === one.seq ? revise(entry, other.revision) : entry.seq === other.seq && revise(entry, one.revision)))).reordered, 1);
    const [{ clientId }] = round.history;
    const two = changed((history) => of(history, clientId).push({ at: 0, what: 'delivered', connection: 1, conversation, seq: one.seq, token: '*1 ENDED  by mallory', id: '', after: undefined, dup: false, change: { ...one, revision: 1 } }));
    assert.ok(two['placed twice'] > 0);
  });

  test('with a change that no call asked for, or one that was answered and never made, has that fault', () => {
    const calling = round.history.flatMap(({ clientId, entries }) => entries.flatMap((entry) => (entry.what === 'answered' && entry.code === Code.OK && entry.changed.length > 0 ? [{ clientId, call: entry.call }] : [])));
    const [{ clientId, call }] = calling.filter(({ call: id }) => calling.filter((it) => it.call === id).length === 1);
    const about = (entry: Written): boolean => 'call' in entry && entry.call === call;
    const unasked = changed((history) => {
      const device = history.find((it) => it.clientId === clientId)!;
      device.entries = device.entries.filter((entry) => !about(entry));
    });
    assert.equal(unasked.repeated, 1);
    const nothing = changed((history) => {
      for (const entry of of(history, clientId)) if (entry.what === 'answered' && about(entry)) entry.changed = ['mallory'];
    });
    assert.deepEqual([nothing.repeated, nothing.lost], [1, 1], 'what is there was not asked for, and what was answered is not there');
    const twice = changed((history) => of(history, clientId).push({ at: 0, what: 'answered', call, code: Code.OK, revision: 0, changed: [] }));
    assert.equal(twice.repeated, 1, 'a repeat gets the answer of the first time');
  });

  test('with a tick in a group before all others had it, and without the last tick, has wrong ticks', () => {
    const told = (entry: Written): boolean => entry.what === 'receipt' && entry.conversation.startsWith('g:') && entry.delivered > 0;
    const { clientId } = round.history.find(({ kind, entries }) => kind === 'chat' && entries.some(told))!;
    const early = changed((history) => {
      of(history, clientId).find(told)!.at = 0;
    });
    assert.ok(early['wrong tick'] > 0);
    // At the end the devices of all who are still there have been told.
    const missing = changed((history) => {
      for (const device of history) device.entries = device.entries.filter((entry) => !told(entry));
    });
    assert.ok(missing['wrong tick'] > 0);
    const tooMuch = changed((history) => {
      for (const entry of of(history, clientId)) if (told(entry)) Object.assign(entry, { read: Number.MAX_SAFE_INTEGER });
    });
    assert.ok(tooMuch['wrong tick'] + tooMuch.leaked > 0);
  });
});
