import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join, relative } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import { tokenFor } from '../support/address.js';
import { Browser, noChromium } from '../support/browser.js';
import { Device } from '../support/device.js';
import { startGodwit } from '../support/godwit.js';
import { inTime } from '../support/recorder.js';
import { serveSite, type SiteFile } from '../support/site.js';
import { app, talks } from './browser-app.js';
import { bundleForBrowsers, filesIn, root } from './bundle.js';
import { installPackages, run, tool, type Project } from './project.js';
import { readmeProgram, readmeProgramOfPage } from './readme-program.js';
import { resolutions, typeErrors } from './types.js';

const cleaning: (() => unknown)[] = [];

describe('the packages, packed and installed into an empty project', { timeout: 300_000 }, () => {
  let project: Project;
  before(async () => {
    project = await installPackages({ after: (clean) => cleaning.unshift(clean) });
  });
  after(async () => {
    for (const clean of cleaning) await clean();
  });

  /** A test in the project, or the reason why there is none. */
  const inProject = (name: string, body: (t: TestContext, folder: string) => Promise<void>): void =>
    void test(name, (t) => (project.skip ? t.skip(project.skip) : body(t, project.folder)));

  describe('what is in them', () => {
    test('code, its types, its maps and their sources; the README; and nothing else', () => {
      for (const { name, files } of project.packed) {
        const paths = files.map(({ path }) => path);
        assert.ok(paths.includes('README.md') && paths.includes('package.json'), name);
        const strange = /^(README\.md|package\.json|(asyncapi|openapi)\.json|(proto|vectors)\/.*\.(proto|json)|dist\/.*\.(js|js\.map|d\.ts)|src\/.*\.ts)$/;
        assert.deepEqual(paths.filter((path) => !strange.test(path) || /test|documents/.test(path)), [], name);
      }
    });

    test('every file of code has a map, and every map its source', async () => {
      for (const { name, files } of project.packed) {
        const paths = new Set(files.map(({ path }) => path));
        const folder = join(root, name === 'godwit-client' ? 'client-sdk' : 'schemas');
        for (const path of paths) {
          if (!path.endsWith('.js')) continue;
          assert.ok(paths.has(`${path}.map`), `${name}: ${path}.map`);
          const { sources } = JSON.parse(await readFile(join(folder, `${path}.map`), 'utf8')) as { sources: string[] };
          for (const source of sources) {
            const meant = relative('.', join(dirname(path), source));
            assert.ok(paths.has(meant), `${name}: ${path} was made of ${meant}, which is not there`);
          }
        }
      }
    });

    test('they name their license', async () => {
      for (const folder of ['schemas', 'client-sdk']) {
        const { license } = JSON.parse(await readFile(join(root, folder, 'package.json'), 'utf8')) as { license?: string };
        assert.equal(license, 'Apache-2.0');
      }
    });
  });

  inProject('each platform gets its entry', async (_t, folder) => {
    for (const [conditions, entry] of [[[], 'index.js'], [['--conditions=browser'], 'browser.js'], [['--conditions=react-native'], 'react-native.js']] as const) {
      const { stdout } = await run(process.execPath, [...conditions, '--input-type=module', '--eval', "process.stdout.write(import.meta.resolve('godwit-client'))"], folder);
      assert.equal(stdout, pathToFileURL(join(folder, 'node_modules/godwit-client/dist', entry)).href);
    }
  });

  inProject("Node: the README's program talks to a server", async (t, folder) => {
    const server = await startGodwit(t);
    const tokens = createServer((_request, response) => response.end(tokenFor(server, 'alice')));
    tokens.listen(0, '127.0.0.1');
    await once(tokens, 'listening');
    t.after(() => tokens.close());
    await writeFile(
      join(folder, 'readme.js'),
      readmeProgram(
        new Map([
          ['mqtt://127.0.0.1:1883', `mqtt://127.0.0.1:${server.mqttPort}`],
          ['https://your.app/token', `http://127.0.0.1:${(tokens.address() as AddressInfo).port}`],
        ]),
      ) + 'process.stdin.resume().once("end", () => client.close());\n',
    );
    const bob = await Device.connect(t, server, 'bob:phone');
    const alice = spawn(process.execPath, ['readme.js'], { cwd: folder, stdio: ['pipe', 'pipe', 'inherit'] });
    t.after(() => alice.kill());
    let printed = '';
    alice.stdout.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
      if (printed.includes('bob: hello, alice')) alice.stdin.end();
    });
    const ended = once(alice, 'close');
    await bob.next('msg', "alice's message");
    await bob.send('alice', 'hello, alice', { flags: 2 });
    assert.deepEqual(await inTime('the end of the program', ended), [0, null]);
    assert.deepEqual(printed.trim().split('\n').sort(), ['bob: hello, alice', 'delivered']);
  });

  inProject('Chromium: the same lines in a page, but for those that the README changes', async (t, folder) => {
    if (noChromium) return t.skip(noChromium);
    const site = new Map<string, SiteFile>();
    const origin = await serveSite(t, site);
    const server = await startGodwit(t, { env: { GODWIT_CORS_ORIGINS: origin } });
    const program = readmeProgramOfPage(new Map([['127.0.0.1:8080', `127.0.0.1:${server.httpPort}`], ['https://your.app/token', '/token']]));
    const bundle = await bundleForBrowsers(program, folder);
    site.set('/', { headers: { 'content-type': 'text/html' }, body: '<!doctype html><link rel="icon" href="data:,"><script type="module" src="app.js"></script>' });
    site.set('/app.js', { headers: { 'content-type': 'text/javascript' }, body: bundle.code });
    site.set('/token', { headers: {}, body: tokenFor(server, 'alice') });
    const bob = await Device.connect(t, server, 'bob:phone');
    const browser = await Browser.start(t);
    const printed: string[] = [];
    const both = new Promise<void>((resolve) => browser.context.on('console', (message) => printed.push(message.text()) === 2 && resolve()));
    await browser.page(origin);
    await bob.next('msg', "alice's message");
    await bob.send('alice', 'hello, alice', { flags: 2 });
    await inTime('what the page prints', both);
    assert.deepEqual(printed.sort(), ['bob: hello, alice', 'delivered']);
    assert.deepEqual(browser.faults, []);
  });

  describe('types', () => {
    inProject('of a browser: without those of Node', async (_t, folder) => {
      await cp(join(root, 'test/package/consumer.ts'), join(folder, 'consumer.ts'));
      // mqtt.js, which a browser's app has on the disk too, brings them.
      const types = join(folder, 'node_modules/@types');
      await rename(types, join(folder, 'types-put-away'));
      try {
        for (const resolution of resolutions) {
          assert.equal(await typeErrors(folder, 'consumer.ts', { ...resolution, customConditions: ['browser'], types: [] }), '');
          assert.equal(await typeErrors(folder, 'consumer.ts', { ...resolution, types: [] }), '');
        }
      } finally {
        await rename(join(folder, 'types-put-away'), types);
      }
    });

    inProject('of Node: with its store and mqtt.js', async (_t, folder) => {
      await writeFile(join(folder, 'server.ts'), nodeConsumer);
      for (const resolution of resolutions) assert.equal(await typeErrors(folder, 'server.ts', { ...resolution, types: ['node'] }), '');
    });
  });

  describe('bundles for browsers', () => {
    const foreign = /node_modules\/(mqtt|mqtt-packet|level|classic-level|abstract-level|buffer|process|readable-stream|ws)\//;

    inProject('esbuild: without warnings, without what is for Node; and it talks to a server', async (t, folder) => {
      const bundle = await bundleForBrowsers(app, folder);
      assert.deepEqual(bundle.warnings, []);
      const files = filesIn(bundle);
      assert.ok(files.some((file) => file.endsWith('godwit-client/dist/websocket-transport.js')));
      assert.deepEqual(files.filter((file) => foreign.test(file)), []);
      await writeFile(join(folder, 'esbuild.js'), bundle.code);
      await talks(t, folder, 'esbuild.js');
    });

    inProject('Vite: the same', async (t, folder) => {
      const web = join(folder, 'web');
      await mkdir(web);
      await writeFile(join(web, 'index.html'), '<!doctype html><title>app</title><script type="module" src="./app.js"></script>');
      await writeFile(join(web, 'app.js'), app);
      // The polyfill would look for a document, and there is none where the bundle is tried.
      await writeFile(join(web, 'vite.config.js'), 'export default { build: { sourcemap: true, modulePreload: { polyfill: false } } };');
      const { code, stdout, stderr } = await run(process.execPath, [tool('vite', 'bin/vite.js'), 'build', '--logLevel', 'warn'], web);
      assert.deepEqual([code, stdout, stderr], [0, '', '']);
      const assets = join(web, 'dist/assets');
      const scripts = (await readdir(assets)).filter((file) => file.endsWith('.js'));
      assert.equal(scripts.length, 1);
      const { sources } = JSON.parse(await readFile(join(assets, `${scripts[0]}.map`), 'utf8')) as { sources: string[] };
      assert.ok(sources.some((source) => /godwit-client\/.*websocket-transport/.test(source)));
      assert.deepEqual(sources.filter((source) => foreign.test(source)), []);
      await talks(t, folder, join('web/dist/assets', scripts[0]));
    });
  });
});

const nodeConsumer = `
import { createClient, mqttTransport, type Client } from 'godwit-client';
import { mqttTransport as same } from 'godwit-client/mqtt';
import { levelStore } from 'godwit-client/node';
import { createSearch } from 'godwit-client/search';

export const search = createSearch;

export async function open(token: string): Promise<Client> {
  const transport = token === '' ? same() : mqttTransport({ tls: { ca: Buffer.from('PEM') } });
  return createClient({ url: 'mqtts://127.0.0.1', token, store: await levelStore('./alice'), transport });
}
`;
