import type { Client } from 'aedes';
import type { IConnectPacket as ConnectPacket } from 'mqtt-packet';
import { clientId as joinClientId, Code, limits, parseClientId, parsePublishTopic } from 'godwit-schemas';
import type { Engine } from '../engine.js';
import { addressKey } from '../limits/address-key.js';
import { isRefusal } from '../plugin-host.js';
import { isUnavailable } from '../ports/availability.js';
import type { DeviceCursor } from '../ports/cursors.js';
import { forgetDevice, isIdle, isRevoked } from '../ports/devices.js';
import type { DeviceRecord } from '../ports/directory.js';
import type { Identity, Limiter, Refusal } from '../ports/plugin.js';
import { Slices } from '../ports/slices.js';
import { Pump } from './pump.js';
import type { Session } from './session.js';

/** CONNACK return codes (MQTT-3.2.2.3). */
type ReturnCode = 0 | 2 | 3 | 4 | 5;

const REVOKED: Refusal = { code: Code.UNAUTHENTICATED, text: 'the device was revoked after the token was issued' };
const NO_FILTERS: ReadonlyMap<string, 0 | 1> = new Map();
const CONNACK_UNAVAILABLE = Buffer.from([0x20, 2, 0, 3]);

/** From a CONNECT to a session: who it is, whether they may, what they left here. */
export class Connects {
  /** One connection of a device at a time is let in: the next waits until this one is ready or gone. */
  private readonly entering = new Map<string, { session: Session; left: Promise<void> }>();
  /** New devices of a user come in one after another: they are counted. */
  private readonly newcomers = new Map<string, Promise<unknown>>();
  private readonly addresses;
  private readonly users;
  /** Failed logins by address; the HTTP door counts here too. */
  readonly failures: Limiter;

  constructor(private readonly engine: Engine) {
    this.addresses = engine.limiter({ perMinute: engine.config.connectsPerMinute });
    this.users = engine.limiter({ perMinute: engine.config.connectsPerMinute === 0 ? 0 : limits.userConnectsPerMinute.value });
    this.failures = engine.limiter({ perMinute: limits.failedLoginsPerMinute.value });
  }

  /** Before anything of a CONNECT is read: may this address connect now? If not, CONNACK 3 says so. */
  admit(session: Session): boolean {
    const address = addressKey(session.address);
    if (!this.engine.stopping && this.addresses.take(address) === 0 && this.failures.peek(address) === 0) return true;
    session.stream.write(CONNACK_UNAVAILABLE);
    session.destroy(this.engine.stopping ? 'shutting down' : 'too many connections or failed logins of this address');
    return false;
  }

  /** Resolves with the CONNACK's return code; with 0 the session is established, and everything it stands on durable. */
  async connect(session: Session, client: Client, packet: ConnectPacket, password: Buffer | undefined): Promise<ReturnCode> {
    session.client = client;
    const ids = parseClientId(packet.clientId ?? '');
    if (!ids) return this.refuse(session, 2, 'the client id is not <user>:<device>');
    const answer = await this.identify(session, ids, packet, password);
    if (typeof answer === 'number') return answer;
    if (this.users.take(ids.user) > 0) return this.refuse(session, 3, 'too many connections of this user');
    if (!(await this.willAllowed(session, answer, packet))) return this.refuse(session, 5, 'the will may not be published');
    const id = joinClientId(ids.user, ids.device);
    for (let other = this.entering.get(id); other; other = this.entering.get(id)) await other.left;
    if (session.closed || session.stream.destroyed) return 3;
    const left = new Promise<void>((resolve) => {
      session.entered = () => {
        this.entering.delete(id);
        resolve();
      };
    });
    this.entering.set(id, { session, left });
    session.stream.once('close', () => session.leaveDoor());
    try {
      if (await this.establish(session, ids, answer, packet)) return 0;
      session.leaveDoor();
      if (this.engine.removals.has(ids.user)) return this.refuse(session, 3, 'the user is being removed');
      return this.refuse(session, 5, `the user has ${limits.devicesOfUser.value} devices already: devices.revoke makes room`);
    } catch (error) {
      session.leaveDoor();
      if (isUnavailable(error)) return this.refuse(session, 3, error.message);
      this.engine.log.error({ err: error, user: ids.user }, 'a session could not be restored');
      return 3;
    }
  }

  /** Whom a token speaks for, at either door; one of a device that was revoked since speaks for nobody. */
  async authenticate(token: string): Promise<Identity | Refusal> {
    const { host, storage, now } = this.engine;
    const identity = await host.authenticate(token, now());
    if (isRefusal(identity)) return identity;
    if (identity.device !== undefined && (await isRevoked(storage, identity, identity.device))) return REVOKED;
    await host.authenticated(identity);
    return identity;
  }

  /** The session of this device between its CONNECT and its CONNACK. */
  enteringSession(clientId: string): Session | undefined {
    return this.entering.get(clientId)?.session;
  }

  private async identify(session: Session, ids: { user: string; device: string }, packet: ConnectPacket, password: Buffer | undefined): Promise<Identity | ReturnCode> {
    if (packet.username !== ids.user) return this.fail(session, 5, 'the username is not the user of the client id');
    if (!password || password.length === 0) return this.fail(session, 4, 'no token as password');
    const identity = await this.authenticate(password.toString('latin1'));
    if (isRefusal(identity)) {
      if (identity.code === Code.UNAVAILABLE || identity.code === Code.INTERNAL) return this.refuse(session, 3, identity.text);
      return this.fail(session, identity.code === Code.MALFORMED ? 4 : 5, identity.text);
    }
    if (identity.user !== ids.user) return this.fail(session, 5, "the token is another user's");
    if (identity.device !== undefined && identity.device !== ids.device) return this.fail(session, 5, "the token is another device's");
    // A token that is of any device opens others still.
    if (identity.device === undefined && (await isRevoked(this.engine.storage, identity, ids.device))) return this.fail(session, 5, REVOKED.text);
    return identity;
  }

  private async willAllowed(session: Session, identity: Identity, packet: ConnectPacket): Promise<boolean> {
    const { will } = packet;
    if (!will) return true;
    const topic = parsePublishTopic(will.topic);
    if (!topic || (will.qos as number) > 2) return false;
    return (await this.engine.host.authorizePublish({ ...identity, session, address: session.address }, topic)) === undefined;
  }

  /** False: the user has as many devices as they may have, or is being removed. */
  private async establish(session: Session, ids: { user: string; device: string }, identity: Identity, packet: ConnectPacket): Promise<boolean> {
    const { engine } = this;
    const { directory } = engine.storage;
    const { user, device } = ids;
    const id = joinClientId(user, device);
    const old = engine.sessions.byId(id);
    if (old) await this.takeOver(old);
    const clean = packet.clean ?? true;
    const now = engine.now();
    if (engine.removals.has(user)) return false;
    if (!(await directory.user(user)) && (await directory.addUser(user, now))) engine.forgetRoutes();
    let filters = NO_FILTERS;
    let pump: Pump;
    if (clean) pump = new Pump(engine, user, device, 0, true);
    else {
      const found = await directory.device(user, device);
      const known = found && !old && isIdle(found, now) ? undefined : found;
      // What a device of this name left in flight before it was removed is not this one's.
      if (!known) engine.sessions.takeDetached(id);
      const record = known ?? (await this.newDevice(user, device, now));
      if (!record) return false;
      filters = record.filters;
      pump = engine.sessions.takeDetached(id) ?? new Pump(engine, user, device, record.packetIds, false);
    }
    session.establish({ user, device, identity, clean, keepaliveS: packet.keepalive ?? 0, pump, filters });
    return true;
  }

  /** undefined: the user has as many devices as they may have. */
  private async newDevice(user: string, device: string, now: number): Promise<DeviceRecord | undefined> {
    for (let other = this.newcomers.get(user); other; other = this.newcomers.get(user)) await other;
    const made = this.makeDevice(user, device, now);
    const done = made.then(() => undefined, () => undefined).finally(() => this.newcomers.delete(user));
    this.newcomers.set(user, done);
    return made;
  }

  /** A device's first connection starts at the user's highest delivered cursor; durable before the CONNACK. */
  private async makeDevice(user: string, device: string, now: number): Promise<DeviceRecord | undefined> {
    const { storage, sessions } = this.engine;
    const { directory, cursors, log } = storage;
    let devices = 0;
    for (const record of await directory.devicesOf(user)) {
      if (!isIdle(record, now) || sessions.byId(joinClientId(user, record.device))) devices++;
      else await forgetDevice(storage, user, record.device);
    }
    if (devices >= limits.devicesOfUser.value) return undefined;
    // A crash may have left cursors of a device that was forgotten.
    if ((await cursors.ofDevice(user, device)).size > 0) await cursors.forgetDevice(user, device);
    const starts = new Map<string, DeviceCursor>();
    const slices = new Slices();
    for (const conversation of await log.conversationsOf(user)) {
      await slices.pause();
      const { start } = await cursors.user(user, conversation);
      if (start > 0) starts.set(conversation, { position: start, last: start, started: false, toldDelivered: 0, toldRead: 0, toldOwnRead: 0 });
    }
    const record: DeviceRecord = { user, device, firstSeenMs: now, lastSeenMs: now, filters: new Map(), packetIds: 0 };
    // Cursors first: a device without a record is new again, one without cursors would start at the beginning.
    if (starts.size > 0) await cursors.startDevice(user, device, starts);
    await directory.putDevice(record);
    return record;
  }

  /** The old connection of the same device is told, dropped with what it had not appended, and gone before the new one is in. */
  private async takeOver(old: Session): Promise<void> {
    old.inbound.accepting = false;
    old.end({ code: Code.TAKEN_OVER, text: 'another connection of this device took over' });
    await new Promise<void>((resolve) => old.client!.close(resolve));
  }

  private fail(session: Session, code: ReturnCode, why: string): ReturnCode {
    this.failures.take(addressKey(session.address));
    return this.refuse(session, code, why);
  }

  private refuse(session: Session, code: ReturnCode, why: string): ReturnCode {
    this.engine.meters.refusedConnects++;
    this.engine.log.info({ address: session.address, returnCode: code, why }, 'connection refused');
    return code;
  }
}
