import type { Message } from '../events.js';

/** Scripts that are written without spaces: there each letter is a word. */
const letters = '\\p{sc=Han}\\p{sc=Hiragana}\\p{sc=Katakana}\\p{sc=Thai}\\p{sc=Lao}\\p{sc=Khmer}\\p{sc=Myanmar}';
const word = new RegExp(`[${letters}]|\\p{Extended_Pictographic}|(?:(?![${letters}])[\\p{L}\\p{N}\\p{M}])+`, 'gu');
/** Accents of Latin, Greek and Cyrillic letters, once they are apart; marks of other scripts are letters of their words. */
const accents = /[\u0300-\u036f]/g;

/** The words of a text, as they are compared: without case and accents, in the compatibility form of Unicode (NFKD). */
export function wordsOf(text: string): string[] {
  return text.normalize('NFKD').replace(accents, '').toLowerCase().replaceAll('ß', 'ss').match(word) ?? [];
}

/** What can be read of a message. */
export function readable({ content, text }: Message): string | undefined {
  switch (content.kind) {
    case 'media':
      return joined(content.caption, content.name);
    case 'location':
      return content.label;
    case 'contact':
      return joined(content.name, content.user);
    default:
      return text;
  }
}

function joined(...texts: (string | undefined)[]): string {
  return texts.filter((text) => text !== undefined).join('\n');
}
