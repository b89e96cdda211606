import { describe } from 'node:test';
import { mqttTransport } from 'godwit-client';
import { createClient } from 'godwit-client/react-native';
import { deflateSuite } from './deflate-suite.js';

// As in Hermes, the engine of React Native: this file is a process of its own.
Object.assign(globalThis, { CompressionStream: undefined, DecompressionStream: undefined });

describe('bodies deflated by a library, in React Native', { timeout: 20_000 }, () => {
  deflateSuite((options) => createClient({ transport: mqttTransport(), ...options }));
});
