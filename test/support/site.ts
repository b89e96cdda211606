import { createServer, type OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleForBrowsers } from '../package/bundle.js';
import type { Scope } from './folder.js';

/** A file of a site. */
export interface SiteFile {
  readonly headers: OutgoingHttpHeaders;
  readonly body: string | Uint8Array;
}

/** Serves files by path, such as `/main.js`, on a port of loopback (a secure context). @returns its origin, such as `http://127.0.0.1:4711`. */
export async function serveSite(t: Scope, files: ReadonlyMap<string, SiteFile>): Promise<string> {
  const server = createServer((request, response) => {
    const file = files.get(request.url!);
    if (file) response.writeHead(200, file.headers).end(file.body);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/**
 * Serves a page that runs a script of the tests. `/denied` is the same page in a sandbox without an origin, where a
 * browser denies all storage.
 * @param script the URL of the compiled script: `import.meta.resolve('./store-page.js')`.
 */
export async function serveScript(t: Scope, script: string): Promise<string> {
  const entry = fileURLToPath(script);
  const { code } = await bundleForBrowsers(`import './${basename(entry)}';`, dirname(entry));
  const page = '<!doctype html><meta charset="utf-8"><title>test</title><link rel="icon" href="data:,"><script type="module" src="/bundle.js"></script>';
  const html = { 'content-type': 'text/html' };
  return serveSite(
    t,
    new Map([
      ['/', { headers: html, body: page }],
      ['/denied', { headers: { ...html, 'content-security-policy': 'sandbox allow-scripts' }, body: page }],
      // A page without an origin may load it, too.
      ['/bundle.js', { headers: { 'content-type': 'text/javascript', 'access-control-allow-origin': '*' }, body: code }],
    ]),
  );
}
