import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Code, errors, limits, methods, type Limit } from 'godwit-schemas';
import { configVariables } from '../../broker/config.js';

/** The README's tables, made from the tables of the code. `npm run readme` writes them; a test says when they are stale. */
export const readmePath = fileURLToPath(new URL('../../../README.md', import.meta.url));

const MiB = 1024 * 1024;

function amount({ value, unit }: Limit): string {
  switch (unit) {
    case 'bytes':
      return value % MiB === 0 ? `${value / MiB} MiB` : value % 1024 === 0 ? `${value / 1024} KiB` : `${value} bytes`;
    case 'ms':
      return value >= 86_400_000 ? `${value / 86_400_000} days` : value >= 1_000 ? `${value / 1_000} s` : `${value} ms`;
    case 'count':
      return String(value);
    default:
      return `${value} ${unit}`;
  }
}

const table = (head: string[], rows: string[][]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const tables: Record<string, () => string> = {
  variables: () => table(['variable', 'default', 'what it sets'], configVariables.map(({ name, default: value, what }) => [`\`${name}\``, value === undefined ? '' : `\`${value}\``, what])),
  limits: () => table(['limit', 'default', 'what is bounded, and what happens at it'], Object.entries<Limit>(limits).map(([name, limit]) => [`\`${name}\``, amount(limit) + (limit.variable ? ` (\`${limit.variable}\`)` : ''), limit.what])),
  codes: () => table(['code', 'again', 'HTTP', 'meaning'], [...errors.values()].filter(({ code }) => code !== Code.OK).map(({ code, name, retry, http, meaning }) => [`${name} ${code}`, retry ? 'yes' : '', String(http ?? ''), meaning])),
  methods: () => table(['method', 'who', 'what it does'], Object.entries(methods).map(([name, { who, doc }]) => [`\`${name}\``, who, doc])),
};

/** The README with every `<!-- table: name -->` … `<!-- end -->` filled anew. */
export function withTables(readme: string): string {
  return readme.replace(/<!-- table: (\w+) -->[\s\S]*?<!-- end -->/g, (_whole, name: string) => `<!-- table: ${name} -->\n${tables[name]()}\n<!-- end -->`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(readmePath, withTables(readFileSync(readmePath, 'utf8')));
