import { emitKeypressEvents, type Interface, type Key as Keypress } from 'node:readline';
import { graphemesOf } from '../text.js';

/** A key, by its name (`ctrl-a`, `up`, `enter`), or what was typed or pasted. */
export interface Key {
  readonly name: string;
  /** With `text` and `paste`. */
  readonly text: string;
}

/** An Esc that nothing follows for so long was the key. */
const escapeMs = 100;

const names: ReadonlyMap<string, string> = new Map([['return', 'enter'], ['enter', 'ctrl-j'], ['escape', 'escape'], ['space', 'text']]);

/** Hears the keys of a terminal; Node knows what they send. What is pasted comes as one, and so does what people see as one character. */
export function readKeys(input: NodeJS.ReadableStream, pressed: (key: Key) => void): () => void {
  let pasted: string | undefined;
  let typed = '';
  const flush = (): void => {
    const text = typed;
    typed = '';
    for (const grapheme of graphemesOf(text)) pressed({ name: 'text', text: grapheme });
  };
  const heard = (text: string | undefined, keypress: Keypress): void => {
    const key = keyOf(text, keypress);
    if (pasted === undefined && key.name === 'text') {
      // An emoji may come in several parts, all at once.
      if (typed === '') queueMicrotask(flush);
      typed += key.text;
      return;
    }
    flush();
    if (keypress.name === 'paste-start') pasted = '';
    else if (keypress.name === 'paste-end') {
      pressed({ name: 'paste', text: pastedText(pasted ?? '') });
      pasted = undefined;
    } else if (pasted !== undefined) pasted += keypress.sequence ?? text ?? '';
    else pressed(key);
  };
  // All that it reads of the second argument. What would wait longer for what may follow an Esc would feel slow.
  emitKeypressEvents(input, { escapeCodeTimeout: escapeMs } as unknown as Interface);
  input.on('keypress', heard);
  return () => void input.off('keypress', heard);
}

function keyOf(text: string | undefined, { name, ctrl, meta }: Keypress): Key {
  if (text !== undefined && !ctrl && !meta && !/[\u0000-\u001f\u007f-\u009f]/.test(text)) return { name: 'text', text };
  const base = names.get(name ?? '') ?? name ?? '';
  return { name: `${ctrl ? 'ctrl-' : ''}${meta && base !== 'escape' ? 'meta-' : ''}${base}`, text: '' };
}

/** Line ends are those of a text; of other control characters, only tabs are kept. */
function pastedText(text: string): string {
  return text.replace(/\r\n?/g, '\n').replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '');
}
