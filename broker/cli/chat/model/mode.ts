import type { Message } from 'godwit-client';
import type { Draft } from './draft.js';
import type { Row } from './viewport.js';

/** What the keys do now. */
export type Mode =
  /** `about`: the entry that was chosen before a command was begun. */
  | { readonly kind: 'compose'; readonly about?: string }
  /** `at`: what is chosen, the first row until something is. */
  | { readonly kind: 'list'; readonly at: string | undefined; readonly archived?: boolean }
  | { readonly kind: 'select' | 'react' | 'delete'; readonly key: string }
  | { readonly kind: 'clear'; readonly conversation: string }
  | Results
  | { readonly kind: 'panel'; readonly title: string; readonly lines: readonly string[]; readonly from: number; readonly back: Mode };

/** What a search has found, the newest first; `here`: in this conversation alone. */
export interface Results {
  readonly kind: 'results';
  readonly query: string;
  readonly here: string | undefined;
  readonly found: readonly Message[];
  readonly at: number;
}

/** What the draft is for, where it is not simply a message; `kept` is what was being written before. */
export type Purpose = { readonly kind: 'reply'; readonly to: Message } | { readonly kind: 'edit'; readonly of: Message; readonly kept: Draft };

/** What of the conversation was on the screen last. */
export interface View {
  readonly rows: readonly Row[];
  readonly top: number;
  readonly end: number;
  readonly height: number;
  /** The highest place of a message of someone else, seen to its end. */
  readonly seen: number;
  /** Of a panel, the line that is at its top. */
  readonly from?: number;
}

export const compose: Mode = { kind: 'compose' };
/** Of the conversation, nothing is on the screen. */
export const nothingSeen: View = { rows: [], top: 0, end: 0, height: 0, seen: 0 };
