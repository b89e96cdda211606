import { Code, GodwitError, parseUlid, validUserId } from 'godwit-schemas';
import type { ContactContent, CustomContent, LocationContent, MediaContent, Mention, Reference, TextContent } from './content.js';

const utf8 = new TextEncoder();

/** The rules of content, for what is sent and for what arrives. Each throws GodwitError MALFORMED, which says what is wrong. */
export const checks = {
  reference({ from, id }: Reference): void {
    must(typeof from === 'string' && validUserId(from), `not a user id: ${from}`);
    must(typeof id === 'string' && parseUlid(id) !== undefined, `not a message id: ${id}`);
  },

  emoji(emoji: string): void {
    must(typeof emoji === 'string' && emoji !== '' && size(emoji) <= 64, 'an emoji has 1 to 64 bytes');
  },

  text({ text, mentions = [] }: TextContent): void {
    must(typeof text === 'string', 'the text is no string');
    for (const mention of mentions) must(liesWithin(mention, text), `not a mention of a user within the text: ${mention.user} at ${mention.start}, ${mention.length} long`);
  },

  custom({ customType, data }: CustomContent): void {
    must(typeof customType === 'string' && size(customType) <= 255, 'the type has at most 255 bytes');
    must(data instanceof Uint8Array, 'the data are no bytes');
  },

  media(media: MediaContent): void {
    const { id, url, mediaType, name, caption } = media;
    must((id === undefined) !== (url === undefined), 'media has either an id or a url');
    must(id === undefined || (typeof id === 'string' && id !== '' && size(id) <= 256), 'the id of media has 1 to 256 bytes');
    // Whatever opens it must not be handed `javascript:` or `file:`.
    must(url === undefined || (typeof url === 'string' && /^https?:\/\/[^\s/]/i.test(url) && size(url) <= 2_048), 'the url of media is https or http, of at most 2,048 bytes');
    must(typeof mediaType === 'string' && mediaType.length <= 255 && /^[\w.+-]+\/[\w.+-]+/.test(mediaType), `not a media type: ${mediaType}`);
    must(name === undefined || (typeof name === 'string' && size(name) <= 255 && !/[/\\\0]/.test(name)), 'the name of a file has at most 255 bytes and no path');
    must(caption === undefined || typeof caption === 'string', 'the caption is no string');
    must(whole(media.size, Number.MAX_SAFE_INTEGER), `not a number of bytes: ${media.size}`);
    for (const what of ['width', 'height', 'durationMs'] as const) must(whole(media[what], 0xffff_ffff), `not a ${what}: ${media[what]}`);
    must(bytes(media.thumbnail, 16_384), 'a thumbnail has at most 16 KiB');
    must(bytes(media.key, 1_024), 'a key has at most 1 KiB');
    must(bytes(media.digest, 64), 'a digest has at most 64 bytes');
  },

  location({ latitude, longitude, accuracyM, label }: LocationContent): void {
    must(Math.abs(latitude) <= 90, `not a latitude in degrees, -90 to 90: ${latitude}`);
    must(Math.abs(longitude) <= 180, `not a longitude in degrees, -180 to 180: ${longitude}`);
    must(accuracyM === undefined || (accuracyM >= 0 && accuracyM < Infinity), `not a radius in metres: ${accuracyM}`);
    must(label === undefined || typeof label === 'string', 'the label is no string');
  },

  contact({ user, name, phones = [] }: ContactContent): void {
    must(user !== undefined || name !== undefined, 'a contact has a user, a name, or both');
    must(user === undefined || validUserId(user), `not a user id: ${user}`);
    must(name === undefined || (typeof name === 'string' && name !== '' && size(name) <= 255), 'a name has 1 to 255 bytes');
    must(phones.length <= 20, 'a contact has at most 20 phones');
    for (const phone of phones) must(typeof phone === 'string' && phone !== '' && size(phone) <= 64, 'a phone has 1 to 64 bytes');
  },
} as const;

/** Whether it stands for a user, and for a part of this text. */
export function liesWithin({ user, start, length }: Mention, text: string): boolean {
  return validUserId(user) && Number.isInteger(start) && Number.isInteger(length) && start >= 0 && length >= 1 && start + length <= text.length;
}

function must(right: boolean, otherwise: string): void {
  if (!right) throw new GodwitError(Code.MALFORMED, otherwise);
}

function size(text: string): number {
  return utf8.encode(text).length;
}

function whole(n: number | undefined, most: number): boolean {
  return n === undefined || (Number.isInteger(n) && n >= 0 && n <= most);
}

function bytes(value: Uint8Array | undefined, most: number): boolean {
  return value === undefined || (value instanceof Uint8Array && value.length <= most);
}
