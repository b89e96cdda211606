import { Code, deliveryTopics, Flag, limits, type LogTopic } from 'godwit-schemas';
import { pino, type Logger } from 'pino';
import { Registry } from 'prom-client';
import { composePlugins, openStorage } from './compose.js';
import { readConfig, type Config } from './config.js';
import { Engine } from './engine.js';
import { openListeners, type Listeners } from './listeners/index.js';
import { answerRpc } from './methods/rpc.js';
import { MethodTable } from './methods/table.js';
import { PluginHost, isRefusal } from './plugin-host.js';
import { RefusedError, type Caller, type OwnEntry, type Plugin, type PluginContext } from './ports/plugin.js';
import type { Append } from './ports/conversation-log.js';
import type { Meters } from './ports/meters.js';
import type { Storage } from './ports/storage.js';
import { sweepRegularly } from './retention.js';
import { fill } from './session/inbound.js';
import { Publish } from './session/publish.js';
import { logRefusal } from './session/results.js';

export interface GodwitOptions {
  /** As environment variables: `{ GODWIT_MQTT_PORT: '0' }`. Default: none, so everything has its default. */
  env?: Record<string, string | undefined>;
  /** Plugins of one's own: asked before Godwit's. */
  plugins?: readonly Plugin[];
  /** What fills the ports. Default: the embedded store in GODWIT_DATA. Closed by `stop`. */
  storage?: Storage;
  /** Default: pino at GODWIT_LOG_LEVEL, to standard error. */
  log?: Logger;
  /** Unix milliseconds; tests steer it. */
  now?: () => number;
  /** A commit failed: nothing may be acknowledged any more. Default: the process ends with code 1. */
  failed?: (error: unknown) => void;
}

/** A running server. */
export interface Godwit {
  readonly config: Config;
  /** The ports that are open. */
  readonly mqttPort: number;
  readonly mqttsPort: number | undefined;
  readonly httpPort: number;
  readonly storage: Storage;
  /** What the server counts, as plain numbers. */
  readonly meters: Meters;
  /** Reads the certificate again (SIGHUP). */
  reloadCertificate(): Promise<void>;
  /** Not ready, no new connections, everything accepted durable; resolves when all is closed. */
  stop(): Promise<void>;
}

/**
 * Starts Godwit within this process: the same server as `godwit serve`.
 * @throws ConfigError, StorageOpenError or ListenError, with one line that says what to do; nothing stays open
 */
export async function createGodwit(options: GodwitOptions = {}): Promise<Godwit> {
  const config = readConfig(options.env ?? {});
  const log = options.log ?? pino({ level: config.logLevel }, pino.destination({ fd: 2, sync: false }));
  const now = options.now ?? Date.now;
  const failed = options.failed ?? ((error: unknown) => endProcess(log, error));
  const storage = options.storage ?? (await openStorage(config, now, log));
  try {
    return await assemble(options, { config, log, now, failed, storage });
  } catch (error) {
    await storage.close();
    throw error;
  }
}

interface Parts {
  config: Config;
  log: Logger;
  now: () => number;
  failed: (error: unknown) => void;
  storage: Storage;
}

async function assemble(options: GodwitOptions, { config, log, now, failed, storage }: Parts): Promise<Godwit> {
  const plugins = composePlugins(config, options.plugins ?? []);
  const host = new PluginHost(plugins, log);
  const metrics = new Registry();
  let methods: MethodTable;
  const engine = new Engine({
    config,
    storage,
    host,
    log,
    now,
    failed,
    call: async (session, method, request) => {
      session.send(deliveryTopics.rpc(session.user), await answerRpc(methods, session.caller, method, request));
    },
  });
  methods = new MethodTable(plugins, { calls: engine.limiter({ perMinute: limits.callsPerMinute.value }), log, now });
  const context: PluginContext = {
    storage,
    hub: engine.sessions,
    log,
    metrics,
    meters: engine.meters,
    now,
    publish: (caller, topic, message) => publish(engine, caller, topic, message),
    append: (entries) => Promise.all(entries.map((entry) => appendOwn(engine, entry))),
    authenticate: (token) => engine.connects.authenticate(token),
    mayReach: (from, to, what) => host.mayReach(from, to, what),
    limiter: (rate) => engine.limiter(rate),
    readMoved: (user, conversation, seq) => host.readMoved(user, conversation, seq),
    forgetRoutes: () => engine.forgetRoutes(),
    reachChanged: (user, other) => {
      engine.forgetRoutes();
      host.reachChanged(user, other);
    },
    removeUser: (user, why) => engine.removals.remove(user, why),
    wake: (users, conversation) => void wake(engine, users, conversation),
  };
  await host.start(context);
  const finishRemovals = (): Promise<void> => engine.removals.finish({ code: Code.REVOKED, text: 'the user was removed' });
  await finishRemovals();
  storage.remote?.onReturn(() => void finishRemovals().catch((error) => log.error({ err: error }, 'users could not be removed')));
  await engine.start();
  let listeners: Listeners;
  try {
    listeners = await openListeners({
      host: config.host,
      mqttPort: config.mqttPort,
      httpPort: config.httpPort,
      tls: config.tls && { certFile: config.tls.cert, keyFile: config.tls.key, mqttsPort: config.tls.mqttsPort },
      trustedProxies: config.trustedProxies.list,
      corsOrigins: config.corsOrigins === '*' ? ['*'] : config.corsOrigins,
      log,
      accept: (stream, peer) => engine.accept(stream, peer),
      http: {
        methods,
        authenticate: (token) => engine.connects.authenticate(token),
        failedLogins: engine.connects.failures,
        metrics,
        ready: () => readiness(engine),
      },
    });
  } catch (error) {
    await engine.stop();
    await host.stop();
    throw error;
  }
  const stopSweeping = sweepRegularly({ storage, retention: config.retention, now, log });
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    engine.stopping = true;
    listeners.stopAccepting();
    await stopSweeping();
    await engine.stop();
    await host.stop();
    await listeners.close();
    await storage.close();
    log.info('stopped');
  };
  const { mqttPort, mqttsPort, httpPort } = listeners;
  log.info({ host: config.host, mqttPort, mqttsPort, httpPort, data: config.data }, 'listening');
  return { config, mqttPort, mqttsPort, httpPort, storage, meters: engine.meters, reloadCertificate: () => listeners.reloadCertificate(), stop: () => (stopped ??= stop()) };
}

function readiness({ stopping, storage }: Engine): { ok: boolean; reason?: string } {
  const reason = stopping ? 'shutting down' : storage.remote?.whyAway();
  return reason === undefined ? { ok: true } : { ok: false, reason };
}

/** A publish that did not come over MQTT: the same checks, the same queue. */
async function publish(engine: Engine, caller: Caller, topic: LogTopic, message: Uint8Array): Promise<Append> {
  const { host } = engine;
  const refusal = await host.authorizePublish(caller, topic);
  if (refusal) throw new RefusedError(refusal);
  const route = await host.route(caller, topic);
  if (isRefusal(route)) throw new RefusedError(route);
  return new Promise((resolve, reject) => {
    const publish = new Publish(
      {
        accepting: true,
        settled: (done) => {
          if (done.code === Code.OK) return resolve(done);
          engine.meters.refuse(done.code);
          reject(new RefusedError(done.refusal ?? logRefusal(done.code)));
        },
      },
      0,
    );
    publish.conversation = route.conversation;
    publish.members = route.members;
    publish.from = caller.user;
    publish.fromDevice = caller.session?.device ?? '';
    const bytes = Buffer.from(message);
    const refused = fill(publish, bytes, 0, bytes.length) ?? engine.admission(caller.user);
    if (refused) {
      engine.queue.push(publish.refuse(refused));
      return;
    }
    Promise.resolve(host.beforeAppend(publish, caller)).then((objection) => {
      if (objection) publish.refuse(objection);
      else publish.appends = true;
      publish.arrivedAtMs = performance.now();
      engine.queue.push(publish);
    }, reject);
  });
}

function appendOwn({ queue }: Engine, { conversation, members, membership, id, message }: OwnEntry): Promise<Append> {
  return new Promise((resolve) => {
    const publish = new Publish({ accepting: true, settled: resolve }, 0);
    Object.assign(publish, { conversation, members, membership, id, buffer: message, end: message.length, flags: Flag.silent, appends: true, arrivedAtMs: performance.now() });
    queue.push(publish);
  });
}

async function wake(engine: Engine, users: readonly string[], conversation: string): Promise<void> {
  const head = await engine.storage.log.head(conversation);
  if (head) engine.wake(users, conversation, head.head, head.head);
}

function endProcess(log: Logger, error: unknown): void {
  log.fatal({ err: error }, 'a commit failed: the process ends, so that nothing is acknowledged that is not stored');
  log.flush();
  process.exit(1);
}
