import type { DescMessage } from '@bufbuild/protobuf';
import type { LimitName } from './limits.js';

/** A row of the table of control calls. */
export interface Method {
  readonly request: DescMessage;
  readonly response: DescMessage;
  /** `admin`: a token with the claim `admin: true`. */
  readonly who: 'user' | 'admin';
  /** One sentence for the documents. */
  readonly doc: string;
  /** It changes nothing: a repeat is done again, so that its answers, which may be large, take no room from those that must be remembered. */
  readonly reads?: true;
  /** The limits that it can meet, beside `callsPerMinute` and the size of a request, which every call has. */
  readonly limits: readonly LimitName[];
}
