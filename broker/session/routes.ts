import { Code, parsePublishTopic, type ControlTopic } from 'godwit-schemas';
import { isRefusal, type PluginHost } from '../plugin-host.js';
import type { Caller, LogRoute, Refusal } from '../ports/plugin.js';

/** Where the publishes of one connection to one topic go. */
export type Route =
  | { kind: 'log'; conversation: string; members: readonly string[]; raw: boolean }
  | { kind: 'control'; topic: ControlTopic }
  | { kind: 'refused'; refusal: Refusal };

const UNKNOWN_TOPIC: Route = { kind: 'refused', refusal: { code: Code.NOT_ALLOWED, text: 'nothing may be published to this topic' } };

/** Routes remembered at most, for a connection: more topics than that are asked for again. */
const REMEMBERED = 1024;

/** Finds out once where a topic leads and whether this caller may go there, and remembers it for the connection. */
export class Routes {
  private readonly known = new Map<string, Route>();
  private generation: number;

  constructor(private readonly host: PluginHost, private readonly caller: Caller, private readonly currentGeneration: () => number) {
    this.generation = currentGeneration();
  }

  /** undefined: it must be asked for (`find`). */
  get(topic: string): Route | undefined {
    if (this.generation !== this.currentGeneration()) {
      this.generation = this.currentGeneration();
      this.known.clear();
    }
    return this.known.get(topic);
  }

  async find(topic: string): Promise<Route> {
    const parsed = parsePublishTopic(topic);
    if (!parsed) return UNKNOWN_TOPIC;
    const refusal = await this.host.authorizePublish(this.caller, parsed);
    if (refusal) return { kind: 'refused', refusal };
    if (parsed.kind !== 'to' && parsed.kind !== 'group') return this.remember(topic, { kind: 'control', topic: parsed });
    const route: LogRoute | Refusal = await this.host.route(this.caller, parsed);
    // A refusal is not remembered: the user may come to exist, the block may be lifted.
    if (isRefusal(route)) return { kind: 'refused', refusal: route };
    return this.remember(topic, { kind: 'log', conversation: route.conversation, members: route.members, raw: parsed.raw });
  }

  private remember(topic: string, route: Route): Route {
    if (this.known.size >= REMEMBERED) this.known.clear();
    this.known.set(topic, route);
    return route;
  }
}

