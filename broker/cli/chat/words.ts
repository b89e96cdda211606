import type { Content, ContactContent, LocationContent, MediaContent, Message } from 'godwit-client';
import { groupWords } from './group-words.js';

/** What a message says, in words; `own`: in those of its sender. */
export function wordsOf({ text, content }: Pick<Message, 'text' | 'content'>): { words: string; own: boolean } {
  return text === undefined ? { words: described(content), own: false } : { words: text, own: true };
}

function described(content: Content): string {
  switch (content.kind) {
    case 'media':
      return mediaWords(content);
    case 'location':
      return locationWords(content);
    case 'contact':
      return contactWords(content);
    case 'deleted':
      return 'deleted';
    case 'sealed':
      return '(encrypted: it cannot be read here)';
    case 'custom':
      return `(${content.customType || 'data'}, ${content.data.length} bytes)`;
    case 'event':
      return content.event.kind.case === 'group' ? groupWords(content.event.kind.value) : '(something happened that this version does not know)';
    case 'undecodable':
      return '(this message cannot be read here)';
    default:
      return '(a kind of message that this version does not know)';
  }
}

const mediaNames: ReadonlyMap<string, string> = new Map([['image', 'picture'], ['video', 'video'], ['audio', 'sound']]);

function mediaWords({ mediaType, name, size, durationMs, url, caption }: MediaContent): string {
  const what = mediaNames.get(mediaType.split('/')[0]) ?? 'file';
  const facts = [name, size !== undefined && sizeWords(size), durationMs !== undefined && `${Math.round(durationMs / 1_000)} s`, url];
  return `(${[what, ...facts].filter(Boolean).join(', ')})${caption ? ` ${caption}` : ''}`;
}

function sizeWords(bytes: number): string {
  if (bytes < 1_000) return `${bytes} bytes`;
  return bytes < 1_000_000 ? `${Math.round(bytes / 1_000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

function locationWords({ latitude, longitude, accuracyM, label }: LocationContent): string {
  return `(place: ${latitude.toFixed(5)}, ${longitude.toFixed(5)}${accuracyM ? ` within ${Math.round(accuracyM)} m` : ''})${label ? ` ${label}` : ''}`;
}

function contactWords({ user, name, phones = [] }: ContactContent): string {
  return `(contact: ${[name, user, ...phones].filter(Boolean).join(', ')})`;
}
