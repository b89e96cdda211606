import type { MessageShape } from '@bufbuild/protobuf';
import type { Method } from './method.js';
import { peopleMethods } from './people-methods.js';
import {
  AdminBackupRequestSchema,
  AdminBackupResponseSchema,
  AdminDevicesListRequestSchema,
  AdminDevicesListResponseSchema,
  AdminQueueRequestSchema,
  AdminQueueResponseSchema,
  AdminUsersAddRequestSchema,
  AdminUsersAddResponseSchema,
  AdminUsersListRequestSchema,
  AdminUsersListResponseSchema,
  AdminUsersRemoveRequestSchema,
  AdminUsersRemoveResponseSchema,
  AuthRenewRequestSchema,
  AuthRenewResponseSchema,
  GroupsAddRequestSchema,
  GroupsAddResponseSchema,
  GroupsCreateRequestSchema,
  GroupsCreateResponseSchema,
  GroupsDeleteRequestSchema,
  GroupsDeleteResponseSchema,
  GroupsDemoteRequestSchema,
  GroupsDemoteResponseSchema,
  GroupsGetRequestSchema,
  GroupsGetResponseSchema,
  GroupsInvitationsRequestSchema,
  GroupsInvitationsResponseSchema,
  GroupsInviteRequestSchema,
  GroupsInviteResponseSchema,
  GroupsJoinRequestSchema,
  GroupsJoinResponseSchema,
  GroupsLeaveRequestSchema,
  GroupsLeaveResponseSchema,
  GroupsListRequestSchema,
  GroupsListResponseSchema,
  GroupsPromoteRequestSchema,
  GroupsPromoteResponseSchema,
  GroupsRemoveRequestSchema,
  GroupsRemoveResponseSchema,
  GroupsRevokeRequestSchema,
  GroupsRevokeResponseSchema,
  GroupsTransferRequestSchema,
  GroupsTransferResponseSchema,
  GroupsUpdateRequestSchema,
  GroupsUpdateResponseSchema,
  MessagesSendRequestSchema,
  MessagesSendResponseSchema,
  ReadSetRequestSchema,
  ReadSetResponseSchema,
} from './gen/godwit/v1/control_pb.js';
import {
  ConversationsClearRequestSchema,
  ConversationsClearResponseSchema,
  ConversationsListRequestSchema,
  ConversationsListResponseSchema,
  ConversationsSetRequestSchema,
  ConversationsSetResponseSchema,
  HistoryListRequestSchema,
  HistoryListResponseSchema,
  MessagesEraseRequestSchema,
  MessagesEraseResponseSchema,
  ReceiptsGetRequestSchema,
  ReceiptsGetResponseSchema,
} from './gen/godwit/v1/history_pb.js';

export type { Method } from './method.js';

/** Every control call: `rpc/<name>` on MQTT, `POST /v1/<name>` on HTTP. */
export const methods = {
  'messages.send': {
    request: MessagesSendRequestSchema,
    response: MessagesSendResponseSchema,
    who: 'user',
    doc: 'Sends a message to a user or a group. It has no from_device: all the devices of the sender receive it.',
    limits: ['messageBytes', 'messagesPerMinute', 'minFreeBytes'],
  },
  'read.set': {
    request: ReadSetRequestSchema,
    response: ReadSetResponseSchema,
    who: 'user',
    doc: "Moves the caller's read cursor of a conversation forward; it never moves back.",
    limits: [],
  },
  'groups.create': {
    request: GroupsCreateRequestSchema,
    response: GroupsCreateResponseSchema,
    who: 'user',
    doc: 'Makes a group, of which the caller is the creator. Members who are to be asked first get an invitation.',
    limits: ['groupMembers', 'groupsOfUser', 'groupNameBytes', 'groupDescriptionBytes', 'groupPictureBytes'],
  },
  'groups.get': {
    request: GroupsGetRequestSchema,
    response: GroupsGetResponseSchema,
    who: 'user',
    doc: 'A group that the caller is in, with its members.',
    limits: [],
  },
  'groups.list': {
    request: GroupsListRequestSchema,
    response: GroupsListResponseSchema,
    who: 'user',
    doc: 'A page of the groups that the caller is in, sorted by bytes.',
    limits: ['groupsPage'],
  },
  'groups.update': {
    request: GroupsUpdateRequestSchema,
    response: GroupsUpdateResponseSchema,
    who: 'user',
    doc: 'Changes the name, description, picture and permissions of a group.',
    limits: ['groupNameBytes', 'groupDescriptionBytes', 'groupPictureBytes'],
  },
  'groups.add': {
    request: GroupsAddRequestSchema,
    response: GroupsAddResponseSchema,
    who: 'user',
    doc: 'Adds users to a group. They see it from here on.',
    limits: ['groupMembers', 'groupsOfUser'],
  },
  'groups.remove': {
    request: GroupsRemoveRequestSchema,
    response: GroupsRemoveResponseSchema,
    who: 'user',
    doc: 'Removes members from a group: by admins, admins by the creator. They keep what they had until here.',
    limits: [],
  },
  'groups.leave': {
    request: GroupsLeaveRequestSchema,
    response: GroupsLeaveResponseSchema,
    who: 'user',
    doc: 'Leaves a group. After its creator the admin of the longest standing is the creator, else the member; after the last one it ends.',
    limits: [],
  },
  'groups.promote': {
    request: GroupsPromoteRequestSchema,
    response: GroupsPromoteResponseSchema,
    who: 'user',
    doc: 'Makes members admins; by admins.',
    limits: [],
  },
  'groups.demote': {
    request: GroupsDemoteRequestSchema,
    response: GroupsDemoteResponseSchema,
    who: 'user',
    doc: 'Makes admins members again: by the creator, or of oneself.',
    limits: [],
  },
  'groups.transfer': {
    request: GroupsTransferRequestSchema,
    response: GroupsTransferResponseSchema,
    who: 'user',
    doc: 'Makes another member the creator; the one before is an admin from then on.',
    limits: [],
  },
  'groups.delete': {
    request: GroupsDeleteRequestSchema,
    response: GroupsDeleteResponseSchema,
    who: 'user',
    doc: 'Ends a group, by its creator. Everyone keeps what they had until here.',
    limits: [],
  },
  'groups.invite': {
    request: GroupsInviteRequestSchema,
    response: GroupsInviteResponseSchema,
    who: 'user',
    doc: 'Makes an invitation: whoever has its token may join.',
    limits: ['groupInvitations', 'invitationDays'],
  },
  'groups.invitations': {
    request: GroupsInvitationsRequestSchema,
    response: GroupsInvitationsResponseSchema,
    who: 'user',
    doc: 'The invitations of a group that are still good.',
    limits: [],
  },
  'groups.revoke': {
    request: GroupsRevokeRequestSchema,
    response: GroupsRevokeResponseSchema,
    who: 'user',
    doc: 'Takes an invitation back.',
    limits: [],
  },
  'groups.join': {
    request: GroupsJoinRequestSchema,
    response: GroupsJoinResponseSchema,
    who: 'user',
    doc: 'Joins a group with the token of an invitation.',
    limits: ['groupMembers', 'groupsOfUser'],
  },
  'history.list': {
    request: HistoryListRequestSchema,
    response: HistoryListResponseSchema,
    who: 'user',
    doc: 'A page of a conversation, as far as it is kept and the caller was in it: messages, and gaps for what is not given any more.',
    reads: true,
    limits: ['historyPage', 'historyPageBytes'],
  },
  'receipts.get': {
    request: ReceiptsGetRequestSchema,
    response: ReceiptsGetResponseSchema,
    who: 'user',
    doc: 'Since when each other member has a message, and has read it.',
    reads: true,
    limits: [],
  },
  'conversations.list': {
    request: ConversationsListRequestSchema,
    response: ConversationsListResponseSchema,
    who: 'user',
    doc: "A page of the caller's conversations, those with the newest message first: that message, and how many are unread.",
    reads: true,
    limits: ['conversationsPage', 'conversationsPageBytes'],
  },
  'conversations.set': {
    request: ConversationsSetRequestSchema,
    response: ConversationsSetResponseSchema,
    who: 'user',
    doc: 'Mutes, archives or pins a conversation for the caller, on all their devices.',
    limits: [],
  },
  'conversations.clear': {
    request: ConversationsClearRequestSchema,
    response: ConversationsClearResponseSchema,
    who: 'user',
    doc: 'Clears a conversation for the caller: what it holds now is not shown to them any more, and counts as read.',
    limits: [],
  },
  'messages.erase': {
    request: MessagesEraseRequestSchema,
    response: MessagesEraseResponseSchema,
    who: 'user',
    doc: 'Takes a message back for everyone: by its sender, in a group also by admins. Its place stays, and the devices are told.',
    limits: [],
  },
  'auth.renew': {
    request: AuthRenewRequestSchema,
    response: AuthRenewResponseSchema,
    who: 'user',
    doc: 'Gives a connection a new token, so that it does not end with the old one.',
    limits: [],
  },
  ...peopleMethods,
  'admin.users.add': {
    request: AdminUsersAddRequestSchema,
    response: AdminUsersAddResponseSchema,
    who: 'admin',
    doc: 'Adds a user, who can then be written to before they first connect.',
    limits: [],
  },
  'admin.users.remove': {
    request: AdminUsersRemoveRequestSchema,
    response: AdminUsersRemoveResponseSchema,
    who: 'admin',
    doc: 'Removes a user and their devices and ends their connections. What they wrote stays with the others.',
    limits: [],
  },
  'admin.users.list': {
    request: AdminUsersListRequestSchema,
    response: AdminUsersListResponseSchema,
    who: 'admin',
    doc: 'A page of the users, sorted by bytes.',
    limits: ['usersPage'],
  },
  'admin.devices.list': {
    request: AdminDevicesListRequestSchema,
    response: AdminDevicesListResponseSchema,
    who: 'admin',
    doc: 'The devices of a user.',
    limits: [],
  },
  'admin.queue': {
    request: AdminQueueRequestSchema,
    response: AdminQueueResponseSchema,
    who: 'admin',
    doc: 'What waits for the devices of a user, conversation by conversation.',
    limits: [],
  },
  'admin.backup': {
    request: AdminBackupRequestSchema,
    response: AdminBackupResponseSchema,
    who: 'admin',
    doc: "Copies a consistent state of the data folder into a new or empty folder on the server's machine.",
    limits: [],
  },
} as const satisfies Record<string, Method>;

/** The names of the table of methods. */
export type MethodName = keyof typeof methods;
/** The request of a method, as the generated type. */
export type RequestOf<M extends MethodName> = MessageShape<(typeof methods)[M]['request']>;
/** The response of a method, as the generated type. */
export type ResponseOf<M extends MethodName> = MessageShape<(typeof methods)[M]['response']>;

/** How a method's request and response are encoded. */
export function callSchemas<M extends MethodName>(name: M): Pick<(typeof methods)[M], 'request' | 'response'> {
  return methods[name];
}

/** Whether a method of this name exists. The table is a plain object: ask here before a name from outside indexes it. */
export function isMethod(name: string): name is MethodName {
  return Object.hasOwn(methods, name);
}
