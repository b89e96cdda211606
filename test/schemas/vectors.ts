import { readFileSync } from 'node:fs';
import type { JsonValue } from '@bufbuild/protobuf';

/** Golden bytes of schemas/vectors: what a value looks like on the wire. */
export interface Vector {
  name: string;
  /** Full name of the protobuf message. */
  type: string;
  bytes: Buffer;
  /** The value as ProtoJSON. */
  json: JsonValue;
}

/** A sender's bytes and what the server makes of them; `bytes` is the whole delivered Message. */
export interface StampVector extends Vector {
  sender: Buffer;
  from: string;
  fromDevice: string;
  conversation: string;
  seq: number;
  sentAtMs: number;
  after?: number;
}

export const vectorFiles = ['message', 'stamp', 'event', 'content', 'result', 'receipt', 'presence', 'read', 'typing', 'control'] as const;
export type VectorFile = (typeof vectorFiles)[number];

/** All vectors of a file. */
export function loadVectors(file: 'stamp'): StampVector[];
export function loadVectors(file: VectorFile): Vector[];
export function loadVectors(file: VectorFile): Vector[] {
  // From dist/test/schemas.
  const path = new URL(`../../../schemas/vectors/${file}.json`, import.meta.url);
  const rows = JSON.parse(readFileSync(path, 'utf8')) as { hex: string; sender?: string }[];
  return rows.map(({ hex, sender, ...rest }) => ({
    ...(rest as Omit<Vector, 'bytes'>),
    bytes: Buffer.from(hex, 'hex'),
    ...(sender !== undefined && { sender: Buffer.from(sender, 'hex') }),
  }));
}

/** One vector by its name. @throws if there is none. */
export function loadVector(file: 'stamp', name: string): StampVector;
export function loadVector(file: VectorFile, name: string): Vector;
export function loadVector(file: VectorFile, name: string): Vector {
  const vector = loadVectors(file).find((candidate) => candidate.name === name);
  if (!vector) throw new Error(`schemas/vectors/${file}.json has no vector "${name}"`);
  return vector;
}
