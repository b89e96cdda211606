/** What a body is encrypted for. */
export interface SealContext {
  /** `d:alice:bob`, `g:<group>`. */
  readonly conversation: string;
  /** The 16 bytes of the message's id. A resend may be sealed again, under the same id. */
  readonly id: Uint8Array;
}

/** What a body came with. */
export interface OpenContext extends SealContext {
  readonly from: string;
  /** Empty when it was sent by HTTP. */
  readonly fromDevice: string;
}

/** An encrypted Content, as `Sealed` in content.proto. */
export interface SealedBody {
  /** 0 = plain. */
  readonly alg: number;
  readonly keyEpoch: bigint;
  readonly payload: Uint8Array;
}

/**
 * How bodies are encrypted.
 *
 * What it is given: an encoded Content, deflated where that makes it smaller (of more than 512 bytes). Compression is
 * outside of it: what `open` returns is the very bytes that `seal` was given, and `Sealed.compression` tells the SDK
 * what they are. A cipher that has to hide how long a text is pads them. Everything but plain bytes (`sendRaw`) goes
 * through it: edits, reactions and deletions too.
 *
 * When: `seal` when a message is about to be published, one at a time; again for a resend, under the same id, as the
 * keys may have changed. `open` once for a delivered message, in the order of its conversation, within the transaction
 * that stores it, before its PUBACK; again only where it returned undefined: when the client is created, and when the
 * app reads that page. A body whose compression is not known here is not given to it.
 *
 * What it may keep: whatever it likes of its own, and it may forget a key as soon as it has opened a message with it:
 * what was opened is stored opened. Only when that transaction fails (the store is full, the process ends) is the message
 * delivered, and opened, once more: a cipher that wants to read it then keeps the key that long. Neither the bytes given nor those returned may be changed
 * afterwards.
 */
export interface Cipher {
  /** Rejects when it cannot: the message waits and is tried again. */
  seal(content: Uint8Array, context: SealContext): Promise<SealedBody>;
  /** What was sealed; undefined when this cipher has no key or no algorithm for it. Rejects when it was forged or damaged. */
  open(sealed: SealedBody, context: OpenContext): Promise<Uint8Array | undefined>;
}

/** No encryption: alg 0. Everything else cannot be read here. */
export const plainCipher: Cipher = {
  seal: async (payload) => ({ alg: 0, keyEpoch: 0n, payload }),
  open: async ({ alg, payload }) => (alg === 0 ? payload : undefined),
};
