import type { MaybePromise } from './conversation-log.js';

/** What users say of themselves. */
export interface ProfileRecord {
  user: string;
  name: string;
  about: string;
  /** Where the app finds it: an id of the media, or a URL. */
  picture: string;
  /** E.164 with `+`; empty: none is known. Nobody else has the same. */
  phone: string;
  /** When it was proven to be theirs, Unix milliseconds; 0 = it is not known. */
  phoneAtMs: number;
  /** Unix milliseconds of the last change of what others see. */
  changedAtMs: number;
}

/** Everything is durable when its promise resolves; every change is one step. */
export interface Profiles {
  /** undefined: the user has said nothing yet. */
  get(user: string): MaybePromise<ProfileRecord | undefined>;
  /** Changes what is given. Returns the profile after it. */
  set(user: string, changes: Partial<Pick<ProfileRecord, 'name' | 'about' | 'picture'>>, atMs: number): Promise<ProfileRecord>;
  /** The number is theirs from now on, and nobody else's any more. False: it is another's, and was proven to be later; nothing has happened. A number proven once more is no change that others see. */
  setPhone(user: string, phone: string, provenAtMs: number, atMs: number): Promise<boolean>;
  /** Whose number it is. */
  ofPhone(phone: string): MaybePromise<string | undefined>;
  /** False: there was none. */
  remove(user: string): Promise<boolean>;
}
