import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

/** More than a process that is killed can leave in doubt: those of its last moments. */
const kept = 1_000;

/**
 * Which answer was meant for which message, in a file. Only what the client has kept was answered: the note comes
 * first, so that a note without its answer is an answer that never left.
 */
export class Answers {
  #byMessage = new Map();

  /** @param file one line a note; shortened to the newest 1,000 here. */
  constructor(client, file) {
    this.client = client;
    this.file = file;
    const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1).slice(-kept) : [];
    for (const line of lines) {
      const [from, id, answer] = line.split(' ');
      this.#byMessage.set(`${from} ${id}`, answer);
    }
    // A line that a loss of power has torn goes with this.
    writeFileSync(`${file}.new`, lines.map((line) => `${line}\n`).join(''), { flush: true });
    renameSync(`${file}.new`, file);
  }

  /** Call it right behind `send`, without an `await`: then nothing is written before it (see `Sent.id`). */
  note({ from, id }, sent) {
    appendFileSync(this.file, `${from} ${id} ${sent.id}\n`, { flush: true });
  }

  /** Whether the client has an answer to this message: on its way, or sent. For messages of earlier runs. */
  async has({ conversation, seq, from, id }) {
    const answer = this.#byMessage.get(`${from} ${id}`);
    if (answer === undefined) return false;
    if (this.client.outbox().some((sent) => sent.id === answer)) return true;
    // Among the messages behind it, the newest page first.
    for (let before = Number.MAX_SAFE_INTEGER; before > seq; ) {
      const page = await this.client.messages(conversation, { before, limit: 200 });
      if (page.some((shown) => shown.type === 'message' && shown.own && shown.id === answer)) return true;
      if (page.length === 0) return false;
      before = placeOf(page[0]);
    }
    return false;
  }
}

/** The first place of what is shown. */
function placeOf(shown) {
  if (shown.type === 'gap') return shown.to;
  return shown.type === 'message' ? shown.seq : shown.message.seq;
}
