import type { Contender } from './contenders.js';
import type { Measured } from './measure.js';
import { median, rowNames, rows, type Results } from './rows.js';

/** A contender with what was measured; without where it is missing. */
export interface Column {
  readonly contender: Pick<Contender, 'name' | 'missing'>;
  readonly results?: Results;
}

const isGodwit = ({ contender }: Column): boolean => contender.name.startsWith('Godwit');

/** The table, as Markdown. */
export function table(columns: readonly Column[]): string {
  const lines = rowNames.map((name) => {
    const row = rows[name];
    const cells = columns.map(({ results }) => cell(median(results?.get(name) ?? [])));
    return [`${row.name} (${row.unit})`, `${row.aim}`, ...cells, verdict(columns, name)];
  });
  const heads = ['', 'aim', ...columns.map(({ contender }) => contender.name), 'aim met'];
  return [heads, heads.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function cell(measured: Measured | undefined): string {
  if (!measured) return '–';
  return [`${measured.value}`, measured.framing > 0 ? `(+ ${measured.framing})` : '', measured.note ?? ''].filter(Boolean).join(' ');
}

function verdict(columns: readonly Column[], name: keyof typeof rows): string {
  const values = columns.filter(isGodwit).map(({ results }) => median(results?.get(name) ?? [])?.value);
  if (values.some((value) => value === undefined)) return '–';
  return values.every((value) => value! <= rows[name].aim) ? 'yes' : 'no';
}

/** Which packets the bytes of a row are: one line for every row and contender that is measured in bytes. */
export function breakdown(columns: readonly Column[]): string[] {
  return rowNames
    .filter((name) => rows[name].unit === 'bytes')
    .flatMap((name) =>
      columns.flatMap(({ contender, results }) => {
        const measured = median(results?.get(name) ?? []);
        if (!measured) return [];
        const packets = measured.packets.map((packet) => `${packet.from === 'client' ? '→' : '←'} ${packet.name} ${packet.bytes}`);
        return [`${rows[name].name}, ${contender.name}: ${packets.join(', ') || 'nothing'}`];
      }),
    );
}

/** What was not measured, and why. */
export function missing(columns: readonly Column[]): string[] {
  return columns.flatMap(({ contender }) => (contender.missing ? [`${contender.name} was left out: ${contender.missing}`] : []));
}
