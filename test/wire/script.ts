import assert from 'node:assert/strict';
import { DEADLINE_MS } from '../support/recorder.js';
import { draw, drip, recut, type Attack, type Means } from './attack.js';
import { fatal } from './fatal.js';
import { BARRIER_ID, harmless } from './harmless.js';
import { Line, type LineOptions, type Ports, type Transport } from './line.js';
import { mangled } from './mangled.js';
import { bytes, connect, publish } from './packets.js';
import { doubtful, good, headlong, refused } from './strangers.js';
import { badFrames, goodFrames } from './websocket-attacks.js';

/** What one connection does, from its first byte to its last. */
export interface Script {
  /** Begins with a CONNECT that is accepted. */
  enters: boolean;
  attacks: Attack[];
  packets: number;
}

const BARRIER = publish('barrier', '', { id: BARRIER_ID });

/** A connection that is no session's, or must not become one. */
export function strangersScript(means: Means): Script {
  const { random } = means;
  const kind = random.below(10);
  if (kind < 6) return script(false, [maybeDripping(means, draw('ends', refused, means))]);
  if (kind < 8) return script(false, [draw('either', doubtful, means)]);
  const pieces = headlong(means);
  return script(true, [random.chance(0.5) ? maybeDripping(means, draw('stays', good, means)) : { name: 'packets right behind the CONNECT', ending: 'stays', pieces: recut(random, pieces), packets: pieces.length }]);
}

/** A connection of a session: packets that are borne, and then perhaps one that is not. */
export function sessionsScript(means: Means, transport: Transport): Script {
  const { random } = means;
  const webSocket = transport === 'ws' || transport === 'wss';
  const attacks: Attack[] = [{ name: 'a CONNECT', ending: 'stays', pieces: [connect(means.by, { flags: 0xc0 | (random.chance(0.5) ? 2 : 0) })], packets: 1 }];
  for (let i = 1 + random.below(24); i > 0; i--) {
    if (webSocket && random.chance(0.1)) attacks.push({ ...draw('stays', goodFrames, means), bare: true });
    else attacks.push(maybeDripping(means, draw('stays', harmless, means)));
  }
  const last = random.below(10);
  if (webSocket && last < 1) attacks.push({ ...draw('ends', badFrames, means), bare: true });
  else if (last < 5) attacks.push(maybeDripping(means, draw('ends', fatal, means)));
  else if (last < 9) attacks.push(draw('either', mangled, means));
  return script(true, attacks);
}

function script(enters: boolean, attacks: Attack[]): Script {
  return { enters, attacks, packets: attacks.reduce((sum, attack) => sum + attack.packets, 0) };
}

function maybeDripping({ random }: Means, attack: Attack): Attack {
  const size = attack.pieces.reduce((sum, piece) => sum + piece.length, 0);
  return size < 300 && random.chance(0.05) ? drip(attack) : attack;
}

/** Plays a script against a server. @throws if the connection does not fare as it must */
export async function play(script: Script, means: Means, transport: Transport, ports: Ports, options: LineOptions = {}): Promise<void> {
  const line = await Line.open(transport, ports, options);
  const late = setTimeout(() => {
    timedOut = true;
    line.destroy();
  }, DEADLINE_MS);
  let timedOut = false;
  const { frames } = line;
  const attacks = [...script.attacks];
  const last = attacks.at(-1)!.ending === 'stays' ? undefined : attacks.pop()!;
  const told = (what: string): string => `${what} (${transport}; ${script.attacks.map((attack) => attack.name).join(', ')})${timedOut ? ', in time' : ''}`;
  try {
    for (const attack of attacks) send(line, attack, means);
    if (script.enters) {
      line.write(BARRIER);
      await line.until(() => frames.puback === BARRIER_ID);
      assert.equal(line.broken, undefined, told('the server sends whole packets'));
      assert.equal(frames.puback, BARRIER_ID, told(`the connection is served${line.open ? '' : `, and was closed instead: ${line.why}`}`));
      assert.equal(frames.connack, 0, told('the CONNECT is accepted'));
    }
    if (last) {
      send(line, last, means);
      if (last.ending === 'either') line.end();
      await line.closed;
      assert.ok(!timedOut, told('the server ends the connection'));
    } else line.destroy();
    if (!script.enters && last?.ending === 'ends') assert.notEqual(frames.connack, 0, told('the CONNECT is refused'));
    assert.equal(line.broken, undefined, told('the server sends whole packets'));
  } finally {
    clearTimeout(late);
    line.destroy();
  }
}

function send(line: Line, { pieces, bare }: Attack, { random }: Means): void {
  const written = pieces.length > 1 && pieces.length < 5 && random.chance(0.2) ? [bytes(...pieces)] : pieces;
  for (const piece of written) {
    if (bare) line.writeBare(piece);
    else if (random.chance(0.05)) line.writeInPieces(piece, random);
    else line.write(piece);
  }
}

