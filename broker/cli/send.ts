import { Code, codeName, ContentSchema, create, GodwitError, SealedSchema, toBinary, ulid, type MessageInitShape, type MessageSchema } from 'godwit-schemas';
import { call } from './control.js';
import { CommandError } from './errors.js';
import { findServer, type Server, type ServerOptions } from './server.js';

export interface SendOptions extends ServerOptions {
  plain?: boolean;
}

/** Until the server must be there, and have answered. */
const PATIENCE_MS = 30_000;
/** Message.flags: the body is plain bytes, no content schema. */
const BARE = 2;

/**
 * Sends one message.
 * @throws CommandError with why it was not sent
 */
export async function send(me: string, other: string, text: string, options: SendOptions): Promise<void> {
  const server = findServer(options);
  try {
    const seq = server.http === undefined ? await sendAsDevice(me, other, text, options) : await sendByHttp(server, me, other, text, options);
    process.stdout.write(`✓ ${seq}\n`);
  } catch (error) {
    if (!(error instanceof GodwitError)) throw error;
    const mend = error.code === Code.UNKNOWN_USER && server.local ? `: \`godwit user add ${other}\`` : '';
    throw new CommandError(`not sent: ${error.message} (${codeName(error.code)})${mend}`);
  }
}

/** Such a message comes from no device: none is left behind that messages would be kept for. */
async function sendByHttp(server: Server, me: string, other: string, text: string, { plain }: SendOptions): Promise<bigint> {
  const { seq } = await call(server, server.token({ user: me }), 'messages.send', { to: other, message: message(text, plain === true) });
  return seq;
}

/** Where only MQTT is known: as the device that `chat` is on this machine. What it receives meanwhile is kept for `chat`. */
async function sendAsDevice(me: string, other: string, text: string, options: SendOptions): Promise<number> {
  const { openSession } = await import('./chat/session.js');
  const { client, folder } = await openSession(me, other, options);
  const sent = options.plain ? client.sendRaw(other, text) : client.send(other, text);
  const connected = client.connect({ signal: AbortSignal.timeout(PATIENCE_MS) });
  try {
    await connected.catch((error: Error) => {
      const why = error.name === 'TimeoutError' ? 'no connection' : error.message;
      throw new CommandError(`not sent yet: ${why}; it waits in ${folder} and goes out with the next chat`);
    });
    return (await sent.until('sent', { signal: AbortSignal.timeout(PATIENCE_MS) })).seq!;
  } finally {
    await client.close();
  }
}

function message(text: string, plain: boolean): MessageInitShape<typeof MessageSchema> {
  const id = ulid(Date.now());
  if (plain) return { id, body: Buffer.from(text), flags: BARE };
  const payload = toBinary(ContentSchema, create(ContentSchema, { kind: { case: 'text', value: { text } } }));
  return { id, body: toBinary(SealedSchema, create(SealedSchema, { alg: 0, payload })) };
}
