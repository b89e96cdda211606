import { Code, type ControlTopic, type LogTopic, type PublishTopic } from 'godwit-schemas';
import type { Logger } from 'pino';
import type { Append, MaybePromise } from './ports/conversation-log.js';
import { RefusedError, type Caller, type ConnectedSession, type Identity, type LogRoute, type Plugin, type PluginContext, type Reach, type Refusal } from './ports/plugin.js';

const NOBODY: Refusal = { code: Code.UNAUTHENTICATED, text: 'no plugin accepts this token' };
const NO_ROUTE: Refusal = { code: Code.NOT_ALLOWED, text: 'nothing may be published to this topic' };

export function isRefusal(value: object): value is Refusal {
  return 'code' in value;
}

/** Asks and tells the plugins, in the order of their list. */
export class PluginHost {
  private readonly beforeAppendPlugins: Plugin[];
  private readonly afterAppendPlugins: Plugin[];
  private readonly deliveredPlugins: Plugin[];
  private readonly authenticatedPlugins: Plugin[];

  constructor(readonly plugins: readonly Plugin[], private readonly log: Logger) {
    this.beforeAppendPlugins = plugins.filter((plugin) => plugin.beforeAppend);
    this.afterAppendPlugins = plugins.filter((plugin) => plugin.afterAppend);
    this.authenticatedPlugins = plugins.filter((plugin) => plugin.authenticated);
    this.deliveredPlugins = plugins.filter((plugin) => plugin.delivered);
  }

  async start(context: PluginContext): Promise<void> {
    for (const plugin of this.plugins) await plugin.start?.(context);
  }

  /** In the opposite order; one that fails does not keep the others from stopping. */
  async stop(): Promise<void> {
    for (const plugin of [...this.plugins].reverse()) {
      try {
        await plugin.stop?.();
      } catch (error) {
        this.log.error({ plugin: plugin.name, err: error }, 'plugin did not stop');
      }
    }
  }

  async authenticate(token: string, nowMs: number): Promise<Identity | Refusal> {
    for (const plugin of this.plugins) {
      if (!plugin.authenticate) continue;
      try {
        const answer = await plugin.authenticate(token, nowMs);
        if (answer) return answer;
      } catch (error) {
        return this.refusalOf(error, plugin.name, 'authenticate');
      }
    }
    return NOBODY;
  }

  /** Resolves when all know. */
  async authenticated(identity: Identity): Promise<void> {
    for (const plugin of this.authenticatedPlugins) {
      try {
        await plugin.authenticated!(identity);
      } catch (error) {
        this.failed(plugin, 'authenticated', error);
      }
    }
  }

  async mayReach(from: string, to: string, what: Reach): Promise<Refusal | undefined> {
    return this.first('mayReach', (plugin) => plugin.mayReach?.(from, to, what));
  }

  async authorizePublish(caller: Caller, topic: PublishTopic): Promise<Refusal | undefined> {
    return this.first('authorizePublish', (plugin) => plugin.authorizePublish?.(caller, topic));
  }

  async authorizeSubscribe(session: ConnectedSession, filter: string, qos: 0 | 1 | 2): Promise<boolean> {
    for (const plugin of this.plugins) {
      try {
        if (plugin.authorizeSubscribe && !(await plugin.authorizeSubscribe(session, filter, qos))) return false;
      } catch (error) {
        this.refusalOf(error, plugin.name, 'authorizeSubscribe');
        return false;
      }
    }
    return true;
  }

  async route(caller: Caller, topic: LogTopic): Promise<LogRoute | Refusal> {
    for (const plugin of this.plugins) {
      if (!plugin.route) continue;
      try {
        const route = await plugin.route(caller, topic);
        if (route) return route;
      } catch (error) {
        return this.refusalOf(error, plugin.name, 'route');
      }
    }
    return topic.kind === 'group' ? { code: Code.UNKNOWN_CONVERSATION, text: 'no such group' } : NO_ROUTE;
  }

  /** Runs what a publish to a control topic does; undefined: done. */
  async control(session: ConnectedSession, topic: ControlTopic, payload: Uint8Array): Promise<Refusal | undefined> {
    for (const plugin of this.plugins) {
      const handler = plugin.control?.[topic.kind] as ((session: ConnectedSession, topic: ControlTopic, payload: Uint8Array) => MaybePromise<Refusal | undefined>) | undefined;
      if (!handler) continue;
      try {
        return await handler(session, topic, payload);
      } catch (error) {
        return this.refusalOf(error, plugin.name, topic.kind);
      }
    }
    return NO_ROUTE;
  }

  /** undefined: nobody objects. A promise only if a plugin gave one. */
  beforeAppend(append: Append, caller: Caller): MaybePromise<Refusal | undefined> {
    if (this.beforeAppendPlugins.length === 0) return undefined;
    return this.first('beforeAppend', (plugin) => plugin.beforeAppend?.(append, caller), this.beforeAppendPlugins);
  }

  afterAppend(batch: readonly Append[]): void {
    for (const plugin of this.afterAppendPlugins) {
      try {
        this.watch(plugin, 'afterAppend', plugin.afterAppend!(batch));
      } catch (error) {
        this.failed(plugin, 'afterAppend', error);
      }
    }
  }

  connected(session: ConnectedSession): void {
    for (const plugin of this.plugins) if (plugin.connected) this.tell(plugin, 'connected', () => plugin.connected!(session));
  }

  disconnected(session: ConnectedSession, clean: boolean): void {
    for (const plugin of this.plugins) if (plugin.disconnected) this.tell(plugin, 'disconnected', () => plugin.disconnected!(session, clean));
  }

  subscribed(session: ConnectedSession, added: readonly string[]): void {
    for (const plugin of this.plugins) if (plugin.subscribed) this.tell(plugin, 'subscribed', () => plugin.subscribed!(session, added));
  }

  unsubscribed(session: ConnectedSession, removed: readonly string[]): void {
    for (const plugin of this.plugins) if (plugin.unsubscribed) this.tell(plugin, 'unsubscribed', () => plugin.unsubscribed!(session, removed));
  }

  delivered(user: string, conversation: string, seq: number): void {
    for (const plugin of this.deliveredPlugins) {
      try {
        this.watch(plugin, 'delivered', plugin.delivered!(user, conversation, seq));
      } catch (error) {
        this.failed(plugin, 'delivered', error);
      }
    }
  }

  readMoved(user: string, conversation: string, seq: number): void {
    for (const plugin of this.plugins) if (plugin.read) this.tell(plugin, 'read', () => plugin.read!(user, conversation, seq));
  }

  reachChanged(user: string, other: string | undefined): void {
    for (const plugin of this.plugins) if (plugin.reachChanged) this.tell(plugin, 'reachChanged', () => plugin.reachChanged!(user, other));
  }

  /** Resolves when all have done it. @throws what one of them throws */
  async userRemoved(user: string): Promise<void> {
    for (const plugin of this.plugins) await plugin.userRemoved?.(user);
  }

  private async first(
    hook: string,
    ask: (plugin: Plugin) => MaybePromise<Refusal | undefined>,
    plugins: readonly Plugin[] = this.plugins,
  ): Promise<Refusal | undefined> {
    for (const plugin of plugins) {
      try {
        const refusal = await ask(plugin);
        if (refusal) return refusal;
      } catch (error) {
        return this.refusalOf(error, plugin.name, hook);
      }
    }
    return undefined;
  }

  /** A plugin that fails while it is told something is logged; the engine goes on. (What is told with every message is told without a closure.) */
  private tell(plugin: Plugin, hook: string, call: () => MaybePromise<void>): void {
    try {
      this.watch(plugin, hook, call());
    } catch (error) {
      this.failed(plugin, hook, error);
    }
  }

  private watch(plugin: Plugin, hook: string, result: MaybePromise<void>): void {
    if (result instanceof Promise) result.catch((error) => this.failed(plugin, hook, error));
  }

  private failed(plugin: Plugin, hook: string, error: unknown): void {
    this.log.error({ plugin: plugin.name, hook, err: error }, 'plugin failed');
  }

  private refusalOf(error: unknown, plugin: string, hook: string): Refusal {
    if (error instanceof RefusedError) return error.refusal;
    this.log.error({ plugin, hook, err: error }, 'plugin failed');
    return { code: Code.INTERNAL, text: 'the server could not handle this; try again' };
  }
}
