import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';
import { readKeys, type Key } from '../../broker/cli/chat/keys/reader.js';
import { Draft, draftLines } from '../../broker/cli/chat/model/draft.js';
import { textOf } from '../../broker/cli/chat/model/spans.js';
import { columns, cut, harmless, isolated, simple, wrap } from '../../broker/cli/chat/text.js';

const family = '👨‍👩‍👧';

describe('text', () => {
  test('is broken at spaces, and hard where there are none; wide characters count twice', () => {
    assert.deepEqual(wrap('one two three', 7), ['one two', 'three']);
    assert.deepEqual(wrap('abcdefghij', 4), ['abcd', 'efgh', 'ij']);
    assert.deepEqual(wrap('漢字漢字漢', 4), ['漢字', '漢字', '漢']);
    assert.deepEqual(wrap('a\n\n  b', 10), ['a', '', '  b']);
    assert.deepEqual(wrap('ab   cdef', 4), ['ab  ', 'cdef']);
  });

  test('is as wide as the terminal that joins the least shows it, and never broken within a character', () => {
    assert.equal(columns(family), 6);
    assert.equal(columns('e\u0301'), 1);
    assert.deepEqual(wrap(`${family}${family}`, 8), [family, family]);
    assert.equal(cut(`ab${family}cd`, 7), 'ab…');
    assert.equal(cut('abc', 3), 'abc');
  });

  test('steers nothing', () => {
    assert.equal(harmless('a\u001b[31mb\u0007\u009b\u202ec\td\r\ne'), 'a\ufffd[31mb\ufffd\ufffdc    d\ne');
    assert.equal(isolated('שלום'), '\u2068שלום\u2069');
    assert.equal(isolated('hello'), 'hello');
  });

  test('where something stands beside it, is of characters as wide everywhere', () => {
    assert.equal(simple(`${family} 🇩🇪 ❤️ 1️⃣ ok\nnext`), '👨 DE ❤ 1 ok next');
  });
});

describe('the draft', () => {
  const marked = ({ text, cursor }: Draft): string => `${text.slice(0, cursor)}|${text.slice(cursor)}`;

  test('moves and deletes by what people see as one character', () => {
    const draft = new Draft(`a${family}e\u0301`);
    assert.equal(marked(draft.left()), `a${family}|e\u0301`);
    assert.equal(marked(draft.left().left()), `a|${family}e\u0301`);
    assert.equal(marked(draft.left().left().right()), `a${family}|e\u0301`);
    assert.equal(marked(draft.backspace().backspace()), 'a|');
    assert.equal(marked(draft.left().left().delete()), 'a|e\u0301');
    assert.equal(marked(new Draft('').backspace().left().right().delete()), '|');
  });

  test('knows the keys of a shell, line by line', () => {
    const draft = new Draft('first line\nthe second', 15);
    assert.equal(marked(draft), 'first line\nthe |second');
    assert.equal(marked(draft.home()), 'first line\n|the second');
    assert.equal(marked(draft.end()), 'first line\nthe second|');
    assert.equal(marked(draft.killToStart()), 'first line\n|second');
    assert.equal(marked(draft.killToEnd()), 'first line\nthe |');
    assert.equal(marked(draft.killWord()), 'first line\n|second');
    assert.equal(marked(draft.wordLeft().wordLeft()), 'first |line\nthe second');
    assert.equal(marked(draft.home().left().home().wordRight()), 'first| line\nthe second');
    assert.equal(marked(draft.insert('very ')), 'first line\nthe very |second');
  });

  test('has several rows; of more than fit, those around the cursor', () => {
    const shown = (draft: Draft, width: number, most: number): unknown[] => {
      const { lines, row, column } = draftLines(draft, width, most);
      return [lines.map(textOf), row, column];
    };
    assert.deepEqual(shown(new Draft('hello', 3), 20, 3), [['> hello'], 0, 5]);
    assert.deepEqual(shown(new Draft('0123456789漢字abcdefghij'), 12, 9), [['> 0123456789', '  漢字abcdef', '  ghij'], 2, 6]);
    assert.deepEqual(shown(new Draft('1\n2\n3\n4\n5'), 12, 2), [['  4', '  5'], 1, 3]);
    assert.deepEqual(shown(new Draft('1\n2\n3\n4\n5', 0), 12, 2), [['> 1', '  2'], 0, 2]);
    assert.deepEqual(shown(new Draft('a\n'), 12, 3), [['> a', '  '], 1, 2]);
    assert.deepEqual(shown(new Draft(`${family}b`), 12, 3), [[`> ${family}b`], 0, 5]);
    assert.deepEqual(shown(new Draft('a\u001bb'), 12, 3), [['> a b'], 0, 5]);
  });
});

describe('keys', () => {
  /** What is heard when a terminal sends this, in these pieces. */
  async function heard(...pieces: string[]): Promise<string[]> {
    const input = new PassThrough();
    const keys: Key[] = [];
    const stop = readKeys(input, (key) => keys.push(key));
    for (const piece of pieces) {
      input.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    stop();
    return keys.map(({ name, text }) => (text === '' ? name : `${name} ${JSON.stringify(text)}`));
  }

  test('have names; what is typed comes by character, also an emoji of several parts', async () => {
    assert.deepEqual(await heard(`hi${family}`, '\r'), ['text "h"', 'text "i"', `text "${family}"`, 'enter']);
    assert.deepEqual(await heard('a\u001b[A\u0001\u007f\u001b[1;5B\u001b\r\n\u001b[5~\t'), ['text "a"', 'up', 'ctrl-a', 'backspace', 'ctrl-down', 'meta-enter', 'ctrl-j', 'pageup', 'tab']);
  });

  test('Esc is a key of its own when nothing follows', async () => {
    const input = new PassThrough();
    const key = new Promise<Key>((resolve) => readKeys(input, resolve));
    input.write('\u001b');
    assert.deepEqual(await key, { name: 'escape', text: '' });
  });

  test('what is pasted is one, wherever it was cut on its way', async () => {
    assert.deepEqual(await heard('x\u001b[200~one\rtwo\r\nthr\u001b[31mee\u001b[201~y'), ['text "x"', 'paste "one\\ntwo\\nthr[31mee"', 'text "y"']);
    assert.deepEqual(await heard('\u001b[20', '0~one\r', 'two\u001b[2', '01~', '\r'), ['paste "one\\ntwo"', 'enter']);
  });
});
