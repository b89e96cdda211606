import assert from 'node:assert/strict';
import { GroupChangeKind, GroupRole, publishTopics, Reason, type Code, type Group, type GroupChange, type MessageInitShape, type MethodName, type methods, type ResponseOf, type Result } from 'godwit-schemas';
import type { Address } from './address.js';
import { bodyOf, encodeMessage, gapOf, newId, type Of } from './deliveries.js';
import { Device } from './device.js';
import type { Scope } from './folder.js';

type Params<M extends MethodName> = MessageInitShape<(typeof methods)[M]['request']>;

/** The answer to a call that is to succeed. */
export async function done<M extends MethodName>(device: Device, method: M, params: Params<M>): Promise<ResponseOf<M>> {
  const { value, error } = await device.call(method, params);
  assert.ok(value, `${method}: ${error?.text}`);
  return value;
}

export async function refused<M extends MethodName>(device: Device, method: M, params: Params<M>, code: Code): Promise<string> {
  const { error } = await device.call(method, params);
  assert.equal(error?.code, code, `${method}: ${error?.text}`);
  return error!.text;
}

export async function say(device: Device, group: string, body: string): Promise<Result> {
  const id = newId();
  return device.publish(publishTopics.group(group), encodeMessage(body, { id }), id);
}

export const changeOf = ({ value }: Of<'msg'>): GroupChange | undefined => (value.event?.kind.case === 'group' ? value.event.kind.value : undefined);
/** What a device was given of a group, in words. */
export const story = (device: Device, group: string): string[] =>
  device.got('msg').filter(({ value }) => value.conversation === `g:${group}`).map((it) => {
    const [change, gap] = [changeOf(it), gapOf(it)];
    if (change) return `${GroupChangeKind[change.kind]} ${change.users.join()}`.trim();
    return gap ? `gap ${gap.from}-${gap.to} ${Reason[gap.reason]}` : bodyOf(it);
  });
export const roles = ({ members }: Group): Record<string, string> => Object.fromEntries(members.map(({ user, role }) => [user, GroupRole[role]]));

export async function people(t: Scope, server: Address, ...names: string[]): Promise<Device[]> {
  return Promise.all(names.map((name) => Device.connect(t, server, `${name}:phone`)));
}

/** A group of these, the first its creator. */
export async function group(devices: Device[], id: string): Promise<Group> {
  const [creator, ...others] = devices;
  return (await done(creator, 'groups.create', { group: id, settings: { name: 'Birds' }, members: others.map(({ user }) => user) })).group!;
}
