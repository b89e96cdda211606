import { Code, codeName, ContentSchema, create, GodwitError, SealedSchema, toBinary, ulid, type MessageInitShape, type MessageSchema } from 'godwit-schemas';
import { call } from './control.js';
import { CommandError } from './errors.js';
import { findServer, type ServerOptions } from './server.js';

export interface SendOptions extends ServerOptions {
  plain?: boolean;
}

/** Message.flags: the body is plain bytes, no content schema. */
const BARE = 2;

/** Sends one message by HTTP: it comes from no device, so that no device is left behind that messages would be kept for. */
export async function send(me: string, other: string, text: string, options: SendOptions): Promise<void> {
  const server = findServer(options);
  const token = server.token({ user: me });
  try {
    const { seq } = await call(server, token, 'messages.send', { to: other, message: message(text, options.plain === true) });
    process.stdout.write(`✓ ${seq}\n`);
  } catch (error) {
    if (!(error instanceof GodwitError)) throw error;
    const mend = error.code === Code.UNKNOWN_USER && server.local ? `: \`godwit user add ${other}\`` : '';
    throw new CommandError(`not sent: ${error.message} (${codeName(error.code)})${mend}`);
  }
}

function message(text: string, plain: boolean): MessageInitShape<typeof MessageSchema> {
  const id = ulid(Date.now());
  if (plain) return { id, body: Buffer.from(text), flags: BARE };
  const payload = toBinary(ContentSchema, create(ContentSchema, { kind: { case: 'text', value: { text } } }));
  return { id, body: toBinary(SealedSchema, create(SealedSchema, { alg: 0, payload })) };
}
