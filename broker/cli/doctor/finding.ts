/** What was looked at, and whether it is right. */
export interface Finding {
  readonly ok: boolean;
  /** One line. */
  readonly text: string;
  /** How to mend it. */
  readonly mend?: string;
}

export function good(text: string): Finding {
  return { ok: true, text };
}

export function bad(text: string, mend?: string): Finding {
  return { ok: false, text, ...(mend !== undefined && { mend }) };
}

export function findingLine({ ok, text, mend }: Finding): string {
  return `${ok ? '✓' : '✗'} ${text}${mend === undefined ? '' : `: ${mend}`}`;
}
