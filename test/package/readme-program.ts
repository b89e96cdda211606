import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './bundle.js';

const [program, page] = [...readFileSync(join(root, 'client-sdk/README.md'), 'utf8').matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code);

const optionOf = (line: string): string | undefined => /^ {2}(\w+): /.exec(line)?.[1];

/** The program of the SDK's README; at the end it prints how far the message got. */
export function readmeProgram(replacements: ReadonlyMap<string, string>): string {
  return replaced(program, replacements);
}

/** The same for a page: with the imports and the options that the README gives for that. */
export function readmeProgramOfPage(replacements: ReadonlyMap<string, string>): string {
  const [imports, ...options] = page.trimEnd().split('\n');
  const lines = program.split('\n').filter((line) => !line.startsWith('import '));
  const changed = lines.map((line) => options.find((option) => optionOf(option) === optionOf(line)) ?? line);
  for (const option of options) assert.ok(changed.includes(option), option);
  return replaced([imports, ...changed].join('\n'), replacements);
}

function replaced(text: string, replacements: ReadonlyMap<string, string>): string {
  for (const [from, to] of replacements) {
    assert.ok(text.includes(from), from);
    text = text.replace(from, () => to);
  }
  return `${text}console.log(sent.state);\n`;
}
