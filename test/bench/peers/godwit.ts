import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { create, deliveryTopics, MessageSchema, publishTopics, toBinary } from 'godwit-schemas';
import { SignJWT } from 'jose';
import { bodyBytes } from '../load/frames.js';
import type { Dialect, Peer } from './peer.js';
import { host, ServerProcess, workFolder } from './process.js';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const device = 'bench';

/** A body whose place in the encoded message is found again: its bytes occur nowhere else. */
const body = Buffer.alloc(bodyBytes, 'b');
const id = Buffer.alloc(16, 'i');
const message = Buffer.from(toBinary(MessageSchema, create(MessageSchema, { id, body })));

const dialect: Dialect = {
  payload: { bytes: message.toString('hex'), body: message.indexOf(body), id: message.indexOf(id) },
  publishTopic: (to) => publishTopics.to(to),
  deliveryTopic: (to) => deliveryTopics.msg(to),
  receiverFilter: (user) => deliveryTopics.all(user),
  senderFilter: (user) => deliveryTopics.all(user),
  group: {
    publishTopic: (group) => publishTopics.group(group),
    deliveryTopic: (user) => deliveryTopics.msg(user),
    receiverFilter: (user) => deliveryTopics.all(user),
    senderFilter: (user) => deliveryTopics.result(user),
  },
};

export const godwit: Peer = {
  name: 'Godwit',
  settings: 'as `npm start` runs it, without the limits on messages and connects a minute',
  variants: ['default'],
  dialect,
  version() {
    return (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version;
  },
  async start(_variant, furnish) {
    const folder = await workFolder();
    try {
      await furnish?.(join(folder, 'data'));
    } catch (error) {
      await rm(folder, { recursive: true });
      throw error;
    }
    const secret = randomBytes(32).toString('hex');
    const server = ServerProcess.start(folder, process.execPath, ['--max-semi-space-size=4', join(root, 'dist/broker/cli/main.js'), 'serve'], {
      GODWIT_HOST: host,
      GODWIT_MQTT_PORT: '0',
      GODWIT_HTTP_PORT: '0',
      GODWIT_DATA: join(folder, 'data'),
      GODWIT_AUTH_SECRET: secret,
      GODWIT_MESSAGES_PER_MINUTE: '0',
      GODWIT_CONNECTS_PER_MINUTE: '0',
    });
    const [, port] = await server.printed(/mqtt:\/\/[^\s:/]+:(\d+)/);
    const [, httpPort] = await server.printed(/http:\/\/[^\s:/]+:(\d+)/);
    return {
      host,
      port: Number(port),
      httpPort: Number(httpPort),
      pid: server.pid,
      // Also a sender's session is a persistent one, as the SDK's is.
      account: async (user) => ({ clientId: `${user}:${device}`, username: user, password: await token(user, secret), clean: false }),
      prepareGroup: async (group, members) => ({
        url: `http://${host}:${httpPort}/v1/groups.create`,
        authorization: `Bearer ${await token(members[0], secret)}`,
        body: JSON.stringify({ group, settings: { name: group }, members }),
      }),
      stop: () => server.stop(),
    };
  },
};

function token(user: string, secret: string): Promise<string> {
  return new SignJWT().setProtectedHeader({ alg: 'HS256' }).setSubject(user).setIssuedAt().setExpirationTime('1d').sign(Buffer.from(secret));
}
