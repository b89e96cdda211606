/** One bound: how much, and what happens at it. */
export interface Limit {
  readonly value: number;
  readonly unit: 'bytes' | 'ms' | 's' | 'days' | 'count' | 'per second' | 'per minute';
  /** The environment variable that changes it. */
  readonly variable?: `GODWIT_${string}`;
  /** What is bounded, and what happens at the bound. */
  readonly what: string;
}

/** `limits.messageBytes`, for those who need no more of the table: a browser that does is spared the rest. */
export const MESSAGE_BYTES = 65_536;
/** `limits.filterBytes`. */
export const FILTER_BYTES = 512;

/** Every bound of Godwit. Values are defaults where a variable is named. */
export const limits = /* @__PURE__ */ table({
  messageBytes: { value: MESSAGE_BYTES, unit: 'bytes', what: "a sender's encoded Message; a larger one is refused with TOO_LARGE" },
  packetBytes: { value: 66_560, unit: 'bytes', what: 'one MQTT packet; the connection is closed before more of it is buffered' },
  connectBytes: { value: 4_096, unit: 'bytes', what: 'the CONNECT packet; the connection is closed before more of it is buffered' },
  connectTimeoutMs: { value: 10_000, unit: 'ms', what: 'time from the first byte of a connection until its CONNECT is there; then it is closed' },
  filterBytes: { value: FILTER_BYTES, unit: 'bytes', what: 'one topic filter; a longer one is refused in the SUBACK' },
  subscriptions: { value: 1_000, unit: 'count', what: 'topic filters of a session; more are refused in the SUBACK' },
  messagesPerMinute: { value: 100, unit: 'per minute', variable: 'GODWIT_MESSAGES_PER_MINUTE', what: 'messages of a user; then RATE_LIMITED with the time to wait (0 = no limit)' },
  connectsPerMinute: { value: 600, unit: 'per minute', variable: 'GODWIT_CONNECTS_PER_MINUTE', what: 'connections of an address; more are closed at once (0 = no limit)' },
  userConnectsPerMinute: { value: 60, unit: 'per minute', what: 'connections of a user; more get CONNACK 3 and are closed' },
  failedLoginsPerMinute: { value: 20, unit: 'per minute', what: 'refused logins of an address; then its connections are closed at once' },
  callsPerMinute: { value: 600, unit: 'per minute', what: 'control calls of a user; then RATE_LIMITED with the time to wait' },
  typingPerSecond: { value: 5, unit: 'per second', what: 'typing notices of a connection; more are dropped' },
  presenceChangesPerMinute: { value: 60, unit: 'per minute', what: 'changes of the presence of a user that others are told; what comes on top is told together, later' },
  windowMessages: { value: 128, unit: 'count', what: 'messages delivered and not yet acknowledged by a device; the pump waits for a PUBACK' },
  windowBytes: { value: 262_144, unit: 'bytes', what: 'bytes delivered and not yet acknowledged by a device; the pump waits for a PUBACK' },
  windowStallMs: { value: 60_000, unit: 'ms', what: 'time that a full window may go without a PUBACK; then the connection is closed' },
  outgoingBytes: { value: 1_048_576, unit: 'bytes', what: 'bytes that a connection has not taken yet; then it is closed, the cursor keeps its place' },
  pendingPublishes: { value: 1_024, unit: 'count', what: 'publishes of a connection that are not durable yet; its socket is not read until there are fewer' },
  pendingBytes: { value: 33_554_432, unit: 'bytes', what: 'bytes of publishes of all connections that are not durable yet; no socket is read until there are fewer' },
  unreleasedPublishes: { value: 1_000, unit: 'count', what: 'QoS 2 publishes of a session that wait for their PUBREL; at one more the connection is closed' },
  refusedWaitMs: { value: 60_000, unit: 'ms', what: 'longest time that a socket is not read for a limit that passes, where the device takes no results; then the connection is closed, and the device sends it again' },
  minFreeBytes: { value: 268_435_456, unit: 'bytes', variable: 'GODWIT_MIN_FREE_BYTES', what: 'free space of the data folder; below it appends are refused with STORAGE_FULL' },
  rawResends: { value: 64, unit: 'count', what: 'raw publishes of a device that are remembered; a resend of an older one is a new message' },
  callMemoryMs: { value: 600_000, unit: 'ms', what: 'time that the answer of a control call is kept; a repeat after that is a new call' },
  callMemory: { value: 10_000, unit: 'count', what: 'answers of control calls that are kept, over all callers; the oldest are forgotten' },
  callMemoryBytes: { value: 16_777_216, unit: 'bytes', what: 'bytes of the answers of control calls that are kept, over all callers; the oldest are forgotten' },
  callIdBytes: { value: 64, unit: 'bytes', what: 'the id of a control call (Idempotency-Key); a longer one is refused with TOO_LARGE' },
  receiptSpacingMs: { value: 250, unit: 'ms', what: 'shortest time between two receipts of a conversation; the first floor is told at once, those that move meanwhile go together' },
  receiptsInFlight: { value: 32, unit: 'count', what: 'receipts sent and not yet acknowledged by a device; further conversations wait' },
  cursorFlushMs: { value: 200, unit: 'ms', what: 'time that a moved delivered cursor may be in memory only; a crash delivers again' },
  presenceLeaseMs: { value: 60_000, unit: 'ms', what: 'shortest time without a sign of life until a connection counts as offline (1.5 times its keepalive where that is longer)' },
  detachedSessions: { value: 10_000, unit: 'count', what: 'disconnected sessions whose packet ids in flight are remembered; others are resent under fresh ids, without DUP' },
  openConversations: { value: 50_000, unit: 'count', what: 'logs whose head and tail are held in memory; those unused the longest are read from disk again' },
  commitSpacingMs: { value: 4, unit: 'ms', what: 'shortest time between two commits under load; publishes of this time share one' },
  groupMembers: { value: 1_024, unit: 'count', variable: 'GODWIT_GROUP_MAX_MEMBERS', what: 'members of a group; more are refused with LIMIT_REACHED' },
  groupsOfUser: { value: 1_000, unit: 'count', what: 'groups that a user is in; being added to or joining more is refused with LIMIT_REACHED' },
  groupNameBytes: { value: 256, unit: 'bytes', what: 'the name of a group; a longer one is refused with TOO_LARGE' },
  groupDescriptionBytes: { value: 4_096, unit: 'bytes', what: 'the description of a group; a longer one is refused with TOO_LARGE' },
  groupPictureBytes: { value: 1_024, unit: 'bytes', what: 'the id or URL of the picture of a group; a longer one is refused with TOO_LARGE' },
  groupInvitations: { value: 100, unit: 'count', what: 'invitations of a group that are still good; one more is refused with LIMIT_REACHED' },
  groupCalls: { value: 64, unit: 'count', what: 'calls that changed a group and are kept with it, naming at most groupMembers users in all: a repeat of one is answered and not done again, also after a restart; the oldest are forgotten' },
  invitationDays: { value: 7, unit: 'days', what: 'life of an invitation into a group that names none; at most 52 weeks are taken' },
  groupsPage: { value: 1_000, unit: 'count', what: 'groups in one answer of groups.list; more are on the next page' },
  historyPage: { value: 200, unit: 'count', what: 'messages and gaps in one answer of history.list; more are on the next page' },
  historyPageBytes: { value: 262_144, unit: 'bytes', what: 'messages in one answer of history.list, but for a single one; more are on the next page' },
  conversationsPage: { value: 1_000, unit: 'count', what: 'conversations in one answer of conversations.list; more are on the next page' },
  conversationsPageBytes: { value: 524_288, unit: 'bytes', what: 'conversations with their last messages in one answer of conversations.list, but for a single one; more are on the next page' },
  devicesOfUser: { value: 10, unit: 'count', what: 'devices of a user; one more is refused with CONNACK 5 (clean sessions do not count)' },
  deviceIdleDays: { value: 90, unit: 'days', what: 'time that a device may stay away; then it loses its session and its cursors, and begins as new' },
  revocationDays: { value: 90, unit: 'days', what: 'time that it is kept that a device was revoked; a token that lives longer opens one again' },
  revocationsOfUser: { value: 1_000, unit: 'count', what: 'revoked devices of a user that are remembered; revoking more is refused with LIMIT_REACHED' },
  profileNameBytes: { value: 256, unit: 'bytes', what: 'the name in a profile; a longer one is refused with TOO_LARGE' },
  profileAboutBytes: { value: 1_024, unit: 'bytes', what: 'what a profile says about its user; more is refused with TOO_LARGE' },
  profilePictureBytes: { value: 1_024, unit: 'bytes', what: 'the id or URL of the picture in a profile; a longer one is refused with TOO_LARGE' },
  profilesOfCall: { value: 100, unit: 'count', what: 'users in a call of profile.get; more are refused with TOO_LARGE' },
  usersOfCall: { value: 1_000, unit: 'count', what: 'users in a call of contacts.add, contacts.remove, blocks.add and blocks.remove; more are refused with TOO_LARGE' },
  contactsOfUser: { value: 10_000, unit: 'count', what: 'contacts of a user; more are refused with LIMIT_REACHED' },
  blocksOfUser: { value: 10_000, unit: 'count', what: 'users whom a user blocks; more are refused with LIMIT_REACHED' },
  relationsPage: { value: 1_000, unit: 'count', what: 'users in one answer of contacts.list and blocks.list; more are on the next page' },
  matchesOfCall: { value: 1_000, unit: 'count', what: 'phone numbers in a call of contacts.match; more are refused with TOO_LARGE' },
  matchesAnHour: { value: 5_000, unit: 'count', what: 'phone numbers that a user looks up by contacts.match in an hour; then RATE_LIMITED with the time to wait' },
  reportReasonBytes: { value: 2_048, unit: 'bytes', what: 'the reason of a report; a longer one is refused with TOO_LARGE' },
  reportsADay: { value: 20, unit: 'count', what: 'reports of a user in a day; then RATE_LIMITED with the time to wait' },
  reportDays: { value: 365, unit: 'days', what: 'time that a report is kept, unless it is removed before' },
  reportsPage: { value: 200, unit: 'count', what: 'reports in one answer of admin.reports.list; more are on the next page' },
  exportPage: { value: 1_000, unit: 'count', what: 'rows, or places of a conversation, that one answer of account.export looks at; more are in the next' },
  exportPageBytes: { value: 262_144, unit: 'bytes', what: 'bytes of messages that one answer of account.export looks at; more are in the next' },
  usersPage: { value: 1_000, unit: 'count', what: 'users in one answer of admin.users.list; more are on the next page' },
  archiveTail: { value: 50, unit: 'count', what: 'newest messages of a conversation that never move to the archive: lists, and the first page of history, do not ask it' },
  archiveKeep: { value: 10_000, unit: 'count', what: 'messages of a conversation beyond which the older ones move to the archive, where there is one (`GODWIT_ARCHIVE_KEEP`)' },
  archiveAfterDays: { value: 7, unit: 'days', what: 'age at which messages move to the archive, where there is one (`GODWIT_ARCHIVE_AFTER`)' },
  mongoWaitMs: { value: 5_000, unit: 'ms', what: 'time that MongoDB may take to be found, and to answer; a call is tried twice, then refused with UNAVAILABLE' },
  httpBodyBytes: { value: 131_072, unit: 'bytes', what: 'the body of an HTTP request; a larger one is refused with TOO_LARGE' },
  httpHeadersMs: { value: 10_000, unit: 'ms', what: 'time until the headers of an HTTP request are there; then it is answered 408 and closed' },
  httpRequestMs: { value: 30_000, unit: 'ms', what: 'time until an HTTP request is whole; then it is answered 408 and closed' },
  webSocketMessageBytes: { value: 1_048_576, unit: 'bytes', what: 'one WebSocket message (it may hold many packets; the first one at most packetBytes); the connection is closed with 1009' },
  proxyHeaderBytes: { value: 4_096, unit: 'bytes', what: 'the PROXY protocol header of a trusted proxy; the connection is closed before more of it is buffered' },
  shutdownMs: { value: 10_000, unit: 'ms', what: 'time from SIGTERM until the process ends, whatever is still open' },
  retentionDeliveredMs: { value: 2_592_000_000, unit: 'ms', what: 'age at which retention `delivered` trims what some device still lacks, as a gap' },
  tokenDays: { value: 30, unit: 'days', what: 'life of a token that `godwit token` makes, where `--days` does not say otherwise' },
});

/** The names of the table of limits. */
export type LimitName = keyof typeof limits;

function table<Name extends string>(rows: Record<Name, Limit>): { readonly [N in Name]: Limit } {
  return rows;
}
