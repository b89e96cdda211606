import net from 'node:net';
import { tokenFor } from '../support/address.js';
import type { Scope } from '../support/folder.js';
import { ServeProcess } from '../support/process.js';
import type { World } from './scenario.js';

/** The real server as a process, behind doors that can be cut and shut. */
export class ScenarioWorld implements World {
  #sockets = new Set<net.Socket>();
  #shut = false;
  /** What else goes offline: the page. */
  onOffline: (offline: boolean) => Promise<void> | void = () => {};

  private constructor(
    private readonly server: ServeProcess,
    readonly urls: { mqtt: string; ws: string },
  ) {}

  static async start(t: Scope, env: Record<string, string>): Promise<ScenarioWorld> {
    const server = await ServeProcess.start(t, env);
    const doors = await Promise.all([() => server.mqttPort, () => server.httpPort].map((port) => ScenarioWorld.#door(t, port, (outer, inner) => world.#enter(outer, inner))));
    const world: ScenarioWorld = new ScenarioWorld(server, { mqtt: `mqtt://127.0.0.1:${doors[0]}`, ws: `ws://127.0.0.1:${doors[1]}/mqtt` });
    t.after(() => world.cut());
    return world;
  }

  static async #door(t: Scope, port: () => number, enter: (outer: net.Socket, inner: net.Socket) => void): Promise<number> {
    const door = net.createServer((outer) => enter(outer, net.connect(port(), '127.0.0.1')));
    await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
    t.after(() => void door.close());
    return (door.address() as net.AddressInfo).port;
  }

  async token(user: string, seconds = 86_400, good = true): Promise<string> {
    return tokenFor(good ? this.server : { secret: 'the secret of someone else, of 32 bytes' }, user, { days: seconds / 86_400 });
  }

  async cut(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
  }

  async killServer(): Promise<void> {
    await this.server.kill();
    await this.server.start();
  }

  async setOffline(offline: boolean): Promise<void> {
    this.#shut = offline;
    await this.onOffline(offline);
  }

  #enter(outer: net.Socket, inner: net.Socket): void {
    for (const [from, to] of [[outer, inner], [inner, outer]]) {
      this.#sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => (this.#sockets.delete(from), to.destroy()));
      if (!this.#shut) from.pipe(to);
    }
    if (this.#shut) outer.destroy();
  }
}
