import type { peopleMethods } from '../people-methods.js';
import { Audience, type Privacy, type Profile } from '../gen/godwit/v1/people_pb.js';
import type { CallsOf } from './calls.js';
import { sentAtMs } from './vector.js';

const report = '01KQZ3V5D8E6J4N9T1X7B2C0FG';
const atMs = BigInt(sentAtMs);

/** Of the calls about devices and people. */
export const peopleCalls: CallsOf<keyof typeof peopleMethods> = {
  'devices.list': {
    request: {},
    response: {
      devices: [
        { $typeName: 'godwit.v1.DeviceSummary', device: 'phone', firstSeenMs: atMs, lastSeenMs: atMs + 1000n, connected: true, current: true },
        { $typeName: 'godwit.v1.DeviceSummary', device: 'tablet', firstSeenMs: atMs, lastSeenMs: atMs, connected: false, current: false },
      ],
    },
  },
  'devices.revoke': { request: { device: 'tablet' }, response: { revoked: true } },
  'profile.get': { request: { users: ['bob', 'nobody'] }, response: { profiles: [profile()] } },
  'profile.set': { request: { name: 'Bob', about: '' }, response: { profile: profile() } },
  'contacts.add': { request: { users: ['bob', 'carol'] }, response: { changed: ['carol'] } },
  'contacts.remove': { request: { users: ['carol', 'dave'] }, response: { changed: ['carol'] } },
  'contacts.list': { request: { after: 'alice', limit: 2 }, response: { users: ['bob', 'carol'], more: true } },
  'contacts.match': {
    request: { phoneNumbers: ['+4915112345678', '+4915187654321'] },
    response: { matches: [{ $typeName: 'godwit.v1.ContactMatch', phoneNumber: '+4915112345678', user: 'bob' }] },
  },
  'blocks.add': { request: { users: ['mallory'] }, response: { changed: ['mallory'] } },
  'blocks.remove': { request: { users: ['mallory'] }, response: { changed: ['mallory'] } },
  'blocks.list': { request: { after: '', limit: 0 }, response: { users: ['mallory'], more: false } },
  'privacy.get': { request: {}, response: { privacy: privacy() } },
  'privacy.set': { request: { presence: Audience.CONTACTS, readReceipts: false }, response: { privacy: privacy() } },
  'reports.add': { request: { conversation: 'd:alice:mallory', seq: 7n, reason: 'spam' }, response: { report } },
  'admin.reports.list': {
    request: { after: '', limit: 2 },
    response: { reports: [{ $typeName: 'godwit.v1.Report', report, atMs, by: 'alice', user: 'mallory', conversation: 'd:alice:mallory', seq: 7n, reason: 'spam' }], more: false },
  },
  'admin.reports.remove': { request: { report }, response: { removed: true } },
  'account.export': { request: { after: 'message d:alice:bob 7' }, response: { json: '{"messages":[]}', next: '' } },
  'account.delete': { request: { user: 'alice' }, response: {} },
};

function profile(): Profile {
  return { $typeName: 'godwit.v1.Profile', user: 'bob', name: 'Bob', about: '', picture: 'https://example.com/bob.jpg', phoneNumber: '+4915112345678', changedAtMs: atMs };
}

function privacy(): Privacy {
  return { $typeName: 'godwit.v1.Privacy', presence: Audience.CONTACTS, groups: Audience.EVERYONE, readReceipts: false };
}
