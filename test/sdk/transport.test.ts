import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mqttTransport, webSocketTransport } from 'godwit-client';
import { WebSocket } from 'ws';
import { transportSuite } from './transport-suite.js';

transportSuite('mqtt.js over TCP', mqttTransport(), 'mqtt');
transportSuite('mqtt.js over WebSocket', mqttTransport(), 'ws');
transportSuite('slim, over WebSocket', webSocketTransport({ WebSocket: WebSocket as never }), 'ws');

test('the slim transport without a WebSocket, and on a URL that is none of its own, says so', async () => {
  for (const [url, given] of [['ws://127.0.0.1:1', { WebSocket: undefined as never }], ['mqtt://127.0.0.1:1', { WebSocket: WebSocket as never }]] as const) {
    const reason = await new Promise<{ error?: Error }>((resolve) => {
      const options = { url, clientId: 'a:b', username: 'a', password: 'x', keepaliveS: 0, connectTimeoutMs: 1_000 };
      const transport = 'WebSocket' in globalThis && given.WebSocket === undefined ? undefined : webSocketTransport(given);
      if (!transport) return resolve({ error: new Error('there is one here') });
      transport.connect(options, { open() {}, packet() {}, heard() {}, close: resolve });
    });
    assert.ok(reason.error, url);
  }
});
