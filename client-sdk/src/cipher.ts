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
 * How bodies are encrypted. `seal` is called when a message is about to be published: again for a resend, as the keys
 * may have changed. `open` is called once for a delivered message, in the order of its conversation, and before it is
 * stored; and again, when the app reads it, for one that could not be opened then.
 */
export interface Cipher {
  /** Rejects when it cannot: the message waits and is tried again. */
  seal(content: Uint8Array, context: SealContext): Promise<SealedBody>;
  /** The encoded Content; undefined when this cipher has no key or no algorithm for it. Rejects when it was forged or damaged. */
  open(sealed: SealedBody, context: OpenContext): Promise<Uint8Array | undefined>;
}

/** No encryption: alg 0. Everything else cannot be read here. */
export const plainCipher: Cipher = {
  seal: async (payload) => ({ alg: 0, keyEpoch: 0n, payload }),
  open: async ({ alg, payload }) => (alg === 0 ? payload : undefined),
};
