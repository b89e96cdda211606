// Generated from proto/ and the table of methods by scripts/generate.mjs: do not edit.
import { Slim } from '../slim/codec.js';

const texts: Record<string, string> = {
  Sealed: "alg:1u keyEpoch:2U payload:3b compression:4u",
  Content: "kind/text:1Text kind/custom:2Custom kind/media:3Media kind/location:4Location kind/contact:5Contact kind/reaction:6Reaction kind/edit:7Edit kind/deletion:8Deletion replyTo:15Reference",
  Reference: "from:1s id:2b",
  Text: "text:1s mentions:2Mention*",
  Mention: "user:1s start:2u length:3u",
  Custom: "type:1s data:2b",
  Media: "source/id:1s source/url:2s mediaType:3s size:4U width:5u height:6u durationMs:7u name:8s caption:9s thumbnail:10b key:11b digest:12b",
  Location: "latitude:1d longitude:2d accuracyM:3d label:4s",
  Contact: "user:1s name:2s phones:3s*",
  Reaction: "target:1Reference emoji:2s remove:3o",
  Edit: "target:1Reference content/text:2Text content/custom:3Custom",
  Deletion: "target:1Reference",
  Message: "id:1b body:2b deviceBodies:3m expiresInS:4u preview:5b flags:6u epoch:7U devicesRevision:8u from:10s fromDevice:11s conversation:12s seq:13U sentAtMs:14U event:15Event after:16U",
  Event: "kind/gap:1Gap kind/group:2GroupChange kind/erased:3Erased kind/feed:4Feed",
  Gap: "from:1U to:2U reason:3e",
  GroupSettings: "name:1s description:2s picture:3s maySend:4e mayEdit:5e mayAdd:6e",
  GroupChange: "revision:1U kind:2e by:3s users:4s* role:5e settings:6GroupSettings successor:7s",
  Erased: "seq:1U by:2s",
  Feed: "device:1s group:2GroupNotice conversation:10ConversationState invite:20GroupInvite",
  ConversationState: "conversation:1s mutedUntilMs:2U archived:3o pinned:4o clearedTo:5U",
  GroupNotice: "group:1s seq:2U kind:3e by:4s name:5s",
  GroupInvite: "group:1s name:2s by:3s token:4s",
  Result: "id:1b seq:2U sentAtMs:3U code:4e text:5s retryAfterMs:6u packetId:7u detail:8b",
  Read: "seq:1U",
  Typing: "conversation:1s from:2s",
  Presence: "state:1e lastSeenMs:2U",
  Receipt: "conversation:1s delivered:2U read:3U atMs:4U ownRead:5U",
  Request: "callId:1b params:2b",
  Response: "callId:1b value:2b error:3Result",
  Empty: "",
  MessagesSendRequest: "to:1s group:2s message:3Message",
  MessagesSendResponse: "id:1b seq:2U sentAtMs:3U conversation:4s",
  ReadSetRequest: "conversation:1s seq:2U",
  ReadSetResponse: "seq:1U",
  AuthRenewRequest: "token:1s",
  AuthRenewResponse: "expiresAtMs:1U serverTimeMs:2U",
  Group: "group:1s revision:2U settings:3GroupSettings createdAtMs:4U members:5GroupMember*",
  GroupMember: "user:1s role:2e joinedAtMs:3U",
  GroupsCreateRequest: "group:1s settings:2GroupSettings members:3s*",
  GroupsCreateResponse: "group:1Group invited:20s*",
  GroupsGetRequest: "group:1s",
  GroupsGetResponse: "group:1Group",
  GroupsListRequest: "after:1s limit:2u",
  GroupsListResponse: "groups:1GroupSummary* more:2o",
  GroupSummary: "group:1s revision:2U name:3s picture:4s members:5u role:6e",
  GroupsUpdateRequest: "group:1s revision:2U name:3s? description:4s? picture:5s? maySend:6e? mayEdit:7e? mayAdd:8e?",
  GroupsUpdateResponse: "group:1Group",
  GroupsAddRequest: "group:1s revision:2U users:3s*",
  GroupsAddResponse: "group:1Group changed:2s* invited:20s*",
  GroupsRemoveRequest: "group:1s revision:2U users:3s*",
  GroupsRemoveResponse: "group:1Group changed:2s*",
  GroupsPromoteRequest: "group:1s revision:2U users:3s*",
  GroupsPromoteResponse: "group:1Group changed:2s*",
  GroupsDemoteRequest: "group:1s revision:2U users:3s*",
  GroupsDemoteResponse: "group:1Group changed:2s*",
  GroupsLeaveRequest: "group:1s",
  GroupsLeaveResponse: "",
  GroupsTransferRequest: "group:1s revision:2U user:3s",
  GroupsTransferResponse: "group:1Group",
  GroupsDeleteRequest: "group:1s revision:2U",
  GroupsDeleteResponse: "",
  GroupsInviteRequest: "group:1s expiresInS:2u uses:3u",
  GroupsInviteResponse: "token:1s invitation:2GroupInvitation",
  GroupInvitation: "invitation:1s by:2s expiresAtMs:3U usesLeft:4u",
  GroupsInvitationsRequest: "group:1s",
  GroupsInvitationsResponse: "invitations:1GroupInvitation*",
  GroupsRevokeRequest: "group:1s invitation:2s",
  GroupsRevokeResponse: "revoked:1o",
  GroupsJoinRequest: "token:1s",
  GroupsJoinResponse: "group:1Group",
  HistoryListRequest: "conversation:1s before:2U after:3U? limit:4u",
  HistoryListResponse: "messages:1Message* more:2o",
  ReceiptsGetRequest: "conversation:1s seq:2U",
  ReceiptsGetResponse: "members:1MemberReceipt*",
  MemberReceipt: "user:1s deliveredAtMs:2U readAtMs:3U",
  ConversationsListRequest: "after:1s limit:2u",
  ConversationsListResponse: "conversations:1ConversationSummary* next:2s",
  ConversationSummary: "conversation:1s head:2U read:3U unread:4U state:5ConversationState last:6Message",
  ConversationsSetRequest: "conversation:1s mutedUntilMs:2U? archived:3o? pinned:4o?",
  ConversationsSetResponse: "state:1ConversationState",
  ConversationsClearRequest: "conversation:1s",
  ConversationsClearResponse: "state:1ConversationState",
  MessagesEraseRequest: "conversation:1s seq:2U",
  MessagesEraseResponse: "",
  DeviceSummary: "device:1s firstSeenMs:2U lastSeenMs:3U connected:4o current:5o",
  DevicesListRequest: "",
  DevicesListResponse: "devices:1DeviceSummary*",
  DevicesRevokeRequest: "device:1s",
  DevicesRevokeResponse: "revoked:1o",
  Profile: "user:1s name:2s about:3s picture:4s phoneNumber:5s changedAtMs:6U",
  ProfileGetRequest: "users:1s*",
  ProfileGetResponse: "profiles:1Profile*",
  ProfileSetRequest: "name:1s? about:2s? picture:3s?",
  ProfileSetResponse: "profile:1Profile",
  ContactsAddRequest: "users:1s*",
  ContactsAddResponse: "changed:1s*",
  ContactsRemoveRequest: "users:1s*",
  ContactsRemoveResponse: "changed:1s*",
  ContactsListRequest: "after:1s limit:2u",
  ContactsListResponse: "users:1s* more:2o",
  ContactsMatchRequest: "phoneNumbers:1s*",
  ContactsMatchResponse: "matches:1ContactMatch*",
  ContactMatch: "phoneNumber:1s user:2s",
  BlocksAddRequest: "users:1s*",
  BlocksAddResponse: "changed:1s*",
  BlocksRemoveRequest: "users:1s*",
  BlocksRemoveResponse: "changed:1s*",
  BlocksListRequest: "after:1s limit:2u",
  BlocksListResponse: "users:1s* more:2o",
  Privacy: "presence:1e groups:2e readReceipts:3o",
  PrivacyGetRequest: "",
  PrivacyGetResponse: "privacy:1Privacy",
  PrivacySetRequest: "presence:1e? groups:2e? readReceipts:3o?",
  PrivacySetResponse: "privacy:1Privacy",
  ReportsAddRequest: "user:1s conversation:2s seq:3U reason:4s",
  ReportsAddResponse: "report:1s",
  Report: "report:1s atMs:2U by:3s user:4s conversation:5s seq:6U reason:7s",
  AccountExportRequest: "after:1s",
  AccountExportResponse: "json:1s next:2s",
  AccountDeleteRequest: "user:1s",
  AccountDeleteResponse: "",
};
const found = new Map<string, Slim>();

export function find(name: string): Slim {
  let one = found.get(name);
  if (!one) found.set(name, (one = new Slim(`godwit.v1.${name}`, texts[name], find)));
  return one;
}

export const SealedSchema = /* @__PURE__ */ find('Sealed');
export const ContentSchema = /* @__PURE__ */ find('Content');
export const ReferenceSchema = /* @__PURE__ */ find('Reference');
export const TextSchema = /* @__PURE__ */ find('Text');
export const MentionSchema = /* @__PURE__ */ find('Mention');
export const CustomSchema = /* @__PURE__ */ find('Custom');
export const MediaSchema = /* @__PURE__ */ find('Media');
export const LocationSchema = /* @__PURE__ */ find('Location');
export const ContactSchema = /* @__PURE__ */ find('Contact');
export const ReactionSchema = /* @__PURE__ */ find('Reaction');
export const EditSchema = /* @__PURE__ */ find('Edit');
export const DeletionSchema = /* @__PURE__ */ find('Deletion');
export const MessageSchema = /* @__PURE__ */ find('Message');
export const EventSchema = /* @__PURE__ */ find('Event');
export const GapSchema = /* @__PURE__ */ find('Gap');
export const GroupSettingsSchema = /* @__PURE__ */ find('GroupSettings');
export const GroupChangeSchema = /* @__PURE__ */ find('GroupChange');
export const ErasedSchema = /* @__PURE__ */ find('Erased');
export const FeedSchema = /* @__PURE__ */ find('Feed');
export const ConversationStateSchema = /* @__PURE__ */ find('ConversationState');
export const GroupNoticeSchema = /* @__PURE__ */ find('GroupNotice');
export const GroupInviteSchema = /* @__PURE__ */ find('GroupInvite');
export const ResultSchema = /* @__PURE__ */ find('Result');
export const ReadSchema = /* @__PURE__ */ find('Read');
export const TypingSchema = /* @__PURE__ */ find('Typing');
export const PresenceSchema = /* @__PURE__ */ find('Presence');
export const ReceiptSchema = /* @__PURE__ */ find('Receipt');
export const RequestSchema = /* @__PURE__ */ find('Request');
export const ResponseSchema = /* @__PURE__ */ find('Response');
export const EmptySchema = /* @__PURE__ */ find('Empty');
export const MessagesSendRequestSchema = /* @__PURE__ */ find('MessagesSendRequest');
export const MessagesSendResponseSchema = /* @__PURE__ */ find('MessagesSendResponse');
export const ReadSetRequestSchema = /* @__PURE__ */ find('ReadSetRequest');
export const ReadSetResponseSchema = /* @__PURE__ */ find('ReadSetResponse');
export const AuthRenewRequestSchema = /* @__PURE__ */ find('AuthRenewRequest');
export const AuthRenewResponseSchema = /* @__PURE__ */ find('AuthRenewResponse');
export const GroupSchema = /* @__PURE__ */ find('Group');
export const GroupMemberSchema = /* @__PURE__ */ find('GroupMember');
export const GroupsCreateRequestSchema = /* @__PURE__ */ find('GroupsCreateRequest');
export const GroupsCreateResponseSchema = /* @__PURE__ */ find('GroupsCreateResponse');
export const GroupsGetRequestSchema = /* @__PURE__ */ find('GroupsGetRequest');
export const GroupsGetResponseSchema = /* @__PURE__ */ find('GroupsGetResponse');
export const GroupsListRequestSchema = /* @__PURE__ */ find('GroupsListRequest');
export const GroupsListResponseSchema = /* @__PURE__ */ find('GroupsListResponse');
export const GroupSummarySchema = /* @__PURE__ */ find('GroupSummary');
export const GroupsUpdateRequestSchema = /* @__PURE__ */ find('GroupsUpdateRequest');
export const GroupsUpdateResponseSchema = /* @__PURE__ */ find('GroupsUpdateResponse');
export const GroupsAddRequestSchema = /* @__PURE__ */ find('GroupsAddRequest');
export const GroupsAddResponseSchema = /* @__PURE__ */ find('GroupsAddResponse');
export const GroupsRemoveRequestSchema = /* @__PURE__ */ find('GroupsRemoveRequest');
export const GroupsRemoveResponseSchema = /* @__PURE__ */ find('GroupsRemoveResponse');
export const GroupsPromoteRequestSchema = /* @__PURE__ */ find('GroupsPromoteRequest');
export const GroupsPromoteResponseSchema = /* @__PURE__ */ find('GroupsPromoteResponse');
export const GroupsDemoteRequestSchema = /* @__PURE__ */ find('GroupsDemoteRequest');
export const GroupsDemoteResponseSchema = /* @__PURE__ */ find('GroupsDemoteResponse');
export const GroupsLeaveRequestSchema = /* @__PURE__ */ find('GroupsLeaveRequest');
export const GroupsLeaveResponseSchema = /* @__PURE__ */ find('GroupsLeaveResponse');
export const GroupsTransferRequestSchema = /* @__PURE__ */ find('GroupsTransferRequest');
export const GroupsTransferResponseSchema = /* @__PURE__ */ find('GroupsTransferResponse');
export const GroupsDeleteRequestSchema = /* @__PURE__ */ find('GroupsDeleteRequest');
export const GroupsDeleteResponseSchema = /* @__PURE__ */ find('GroupsDeleteResponse');
export const GroupsInviteRequestSchema = /* @__PURE__ */ find('GroupsInviteRequest');
export const GroupsInviteResponseSchema = /* @__PURE__ */ find('GroupsInviteResponse');
export const GroupInvitationSchema = /* @__PURE__ */ find('GroupInvitation');
export const GroupsInvitationsRequestSchema = /* @__PURE__ */ find('GroupsInvitationsRequest');
export const GroupsInvitationsResponseSchema = /* @__PURE__ */ find('GroupsInvitationsResponse');
export const GroupsRevokeRequestSchema = /* @__PURE__ */ find('GroupsRevokeRequest');
export const GroupsRevokeResponseSchema = /* @__PURE__ */ find('GroupsRevokeResponse');
export const GroupsJoinRequestSchema = /* @__PURE__ */ find('GroupsJoinRequest');
export const GroupsJoinResponseSchema = /* @__PURE__ */ find('GroupsJoinResponse');
export const HistoryListRequestSchema = /* @__PURE__ */ find('HistoryListRequest');
export const HistoryListResponseSchema = /* @__PURE__ */ find('HistoryListResponse');
export const ReceiptsGetRequestSchema = /* @__PURE__ */ find('ReceiptsGetRequest');
export const ReceiptsGetResponseSchema = /* @__PURE__ */ find('ReceiptsGetResponse');
export const MemberReceiptSchema = /* @__PURE__ */ find('MemberReceipt');
export const ConversationsListRequestSchema = /* @__PURE__ */ find('ConversationsListRequest');
export const ConversationsListResponseSchema = /* @__PURE__ */ find('ConversationsListResponse');
export const ConversationSummarySchema = /* @__PURE__ */ find('ConversationSummary');
export const ConversationsSetRequestSchema = /* @__PURE__ */ find('ConversationsSetRequest');
export const ConversationsSetResponseSchema = /* @__PURE__ */ find('ConversationsSetResponse');
export const ConversationsClearRequestSchema = /* @__PURE__ */ find('ConversationsClearRequest');
export const ConversationsClearResponseSchema = /* @__PURE__ */ find('ConversationsClearResponse');
export const MessagesEraseRequestSchema = /* @__PURE__ */ find('MessagesEraseRequest');
export const MessagesEraseResponseSchema = /* @__PURE__ */ find('MessagesEraseResponse');
export const DeviceSummarySchema = /* @__PURE__ */ find('DeviceSummary');
export const DevicesListRequestSchema = /* @__PURE__ */ find('DevicesListRequest');
export const DevicesListResponseSchema = /* @__PURE__ */ find('DevicesListResponse');
export const DevicesRevokeRequestSchema = /* @__PURE__ */ find('DevicesRevokeRequest');
export const DevicesRevokeResponseSchema = /* @__PURE__ */ find('DevicesRevokeResponse');
export const ProfileSchema = /* @__PURE__ */ find('Profile');
export const ProfileGetRequestSchema = /* @__PURE__ */ find('ProfileGetRequest');
export const ProfileGetResponseSchema = /* @__PURE__ */ find('ProfileGetResponse');
export const ProfileSetRequestSchema = /* @__PURE__ */ find('ProfileSetRequest');
export const ProfileSetResponseSchema = /* @__PURE__ */ find('ProfileSetResponse');
export const ContactsAddRequestSchema = /* @__PURE__ */ find('ContactsAddRequest');
export const ContactsAddResponseSchema = /* @__PURE__ */ find('ContactsAddResponse');
export const ContactsRemoveRequestSchema = /* @__PURE__ */ find('ContactsRemoveRequest');
export const ContactsRemoveResponseSchema = /* @__PURE__ */ find('ContactsRemoveResponse');
export const ContactsListRequestSchema = /* @__PURE__ */ find('ContactsListRequest');
export const ContactsListResponseSchema = /* @__PURE__ */ find('ContactsListResponse');
export const ContactsMatchRequestSchema = /* @__PURE__ */ find('ContactsMatchRequest');
export const ContactsMatchResponseSchema = /* @__PURE__ */ find('ContactsMatchResponse');
export const ContactMatchSchema = /* @__PURE__ */ find('ContactMatch');
export const BlocksAddRequestSchema = /* @__PURE__ */ find('BlocksAddRequest');
export const BlocksAddResponseSchema = /* @__PURE__ */ find('BlocksAddResponse');
export const BlocksRemoveRequestSchema = /* @__PURE__ */ find('BlocksRemoveRequest');
export const BlocksRemoveResponseSchema = /* @__PURE__ */ find('BlocksRemoveResponse');
export const BlocksListRequestSchema = /* @__PURE__ */ find('BlocksListRequest');
export const BlocksListResponseSchema = /* @__PURE__ */ find('BlocksListResponse');
export const PrivacySchema = /* @__PURE__ */ find('Privacy');
export const PrivacyGetRequestSchema = /* @__PURE__ */ find('PrivacyGetRequest');
export const PrivacyGetResponseSchema = /* @__PURE__ */ find('PrivacyGetResponse');
export const PrivacySetRequestSchema = /* @__PURE__ */ find('PrivacySetRequest');
export const PrivacySetResponseSchema = /* @__PURE__ */ find('PrivacySetResponse');
export const ReportsAddRequestSchema = /* @__PURE__ */ find('ReportsAddRequest');
export const ReportsAddResponseSchema = /* @__PURE__ */ find('ReportsAddResponse');
export const ReportSchema = /* @__PURE__ */ find('Report');
export const AccountExportRequestSchema = /* @__PURE__ */ find('AccountExportRequest');
export const AccountExportResponseSchema = /* @__PURE__ */ find('AccountExportResponse');
export const AccountDeleteRequestSchema = /* @__PURE__ */ find('AccountDeleteRequest');
export const AccountDeleteResponseSchema = /* @__PURE__ */ find('AccountDeleteResponse');

/** Request and response of every control call of users. */
export const calls: Record<string, readonly [request: string, response: string]> = {
  'messages.send': ['MessagesSendRequest', 'MessagesSendResponse'],
  'read.set': ['ReadSetRequest', 'ReadSetResponse'],
  'groups.create': ['GroupsCreateRequest', 'GroupsCreateResponse'],
  'groups.get': ['GroupsGetRequest', 'GroupsGetResponse'],
  'groups.list': ['GroupsListRequest', 'GroupsListResponse'],
  'groups.update': ['GroupsUpdateRequest', 'GroupsUpdateResponse'],
  'groups.add': ['GroupsAddRequest', 'GroupsAddResponse'],
  'groups.remove': ['GroupsRemoveRequest', 'GroupsRemoveResponse'],
  'groups.leave': ['GroupsLeaveRequest', 'GroupsLeaveResponse'],
  'groups.promote': ['GroupsPromoteRequest', 'GroupsPromoteResponse'],
  'groups.demote': ['GroupsDemoteRequest', 'GroupsDemoteResponse'],
  'groups.transfer': ['GroupsTransferRequest', 'GroupsTransferResponse'],
  'groups.delete': ['GroupsDeleteRequest', 'GroupsDeleteResponse'],
  'groups.invite': ['GroupsInviteRequest', 'GroupsInviteResponse'],
  'groups.invitations': ['GroupsInvitationsRequest', 'GroupsInvitationsResponse'],
  'groups.revoke': ['GroupsRevokeRequest', 'GroupsRevokeResponse'],
  'groups.join': ['GroupsJoinRequest', 'GroupsJoinResponse'],
  'history.list': ['HistoryListRequest', 'HistoryListResponse'],
  'receipts.get': ['ReceiptsGetRequest', 'ReceiptsGetResponse'],
  'conversations.list': ['ConversationsListRequest', 'ConversationsListResponse'],
  'conversations.set': ['ConversationsSetRequest', 'ConversationsSetResponse'],
  'conversations.clear': ['ConversationsClearRequest', 'ConversationsClearResponse'],
  'messages.erase': ['MessagesEraseRequest', 'MessagesEraseResponse'],
  'auth.renew': ['AuthRenewRequest', 'AuthRenewResponse'],
  'devices.list': ['DevicesListRequest', 'DevicesListResponse'],
  'devices.revoke': ['DevicesRevokeRequest', 'DevicesRevokeResponse'],
  'profile.get': ['ProfileGetRequest', 'ProfileGetResponse'],
  'profile.set': ['ProfileSetRequest', 'ProfileSetResponse'],
  'contacts.add': ['ContactsAddRequest', 'ContactsAddResponse'],
  'contacts.remove': ['ContactsRemoveRequest', 'ContactsRemoveResponse'],
  'contacts.list': ['ContactsListRequest', 'ContactsListResponse'],
  'contacts.match': ['ContactsMatchRequest', 'ContactsMatchResponse'],
  'blocks.add': ['BlocksAddRequest', 'BlocksAddResponse'],
  'blocks.remove': ['BlocksRemoveRequest', 'BlocksRemoveResponse'],
  'blocks.list': ['BlocksListRequest', 'BlocksListResponse'],
  'privacy.get': ['PrivacyGetRequest', 'PrivacyGetResponse'],
  'privacy.set': ['PrivacySetRequest', 'PrivacySetResponse'],
  'reports.add': ['ReportsAddRequest', 'ReportsAddResponse'],
  'account.export': ['AccountExportRequest', 'AccountExportResponse'],
  'account.delete': ['AccountDeleteRequest', 'AccountDeleteResponse'],
};
