import type { IncomingHttpHeaders } from 'node:http';

/** Which pages may call: `*` or exact origins such as `https://app.example.com`. */
export class Origins {
  private readonly allowed: Set<string>;

  constructor(origins: readonly string[]) {
    this.allowed = new Set(origins);
  }

  /**
   * Headers for the answer to a request, so that the browser shows it to the page. `vary` always: a cache must not
   * show one origin's answer to another.
   */
  headers(origin: string | undefined): Record<string, string> {
    if (this.allowed.size === 0) return {};
    if (origin === undefined || !this.has(origin)) return { vary: 'Origin' };
    return { vary: 'Origin', 'access-control-allow-origin': origin, 'access-control-expose-headers': 'Retry-After' };
  }

  /** Headers for a preflight. No cookies are ever used, so none are allowed. */
  preflight(origin: string | undefined): Record<string, string> {
    const headers = this.headers(origin);
    if (!('access-control-allow-origin' in headers)) return headers;
    return {
      ...headers,
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': 'Authorization, Content-Type, Accept, Idempotency-Key',
      'access-control-max-age': '86400',
    };
  }

  /** A WebSocket has no preflight and is not bound by CORS: where origins are configured, others are refused; our own pages never are. */
  mayConnect(origin: string, headers: IncomingHttpHeaders): boolean {
    if (this.allowed.size === 0 || this.has(origin)) return true;
    return URL.canParse(origin) && new URL(origin).host === headers.host;
  }

  private has(origin: string): boolean {
    return this.allowed.has('*') || this.allowed.has(origin);
  }
}
