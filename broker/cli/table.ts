import stringWidth from 'string-width';

/** Rows in columns as wide as their widest cell, two spaces apart. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => stringWidth(row[column]))));
  return rows.map((row) => `${row.map((cell, column) => pad(cell, widths[column])).join('  ').trimEnd()}\n`).join('');
}

/** With spaces behind it, as wide as asked for on a terminal. */
export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - stringWidth(text)));
}
