const userId = /^[A-Za-z0-9_-]{1,64}$/;
const deviceId = /^[A-Za-z0-9_-]{1,32}$/;

/** 1 to 64 of `A-Z a-z 0-9 _ -`. Names such as `constructor` and `__proto__` are valid: keep ids in a Map or a Set. */
export function validUserId(id: string): boolean {
  return userId.test(id);
}

/** 1 to 32 of `A-Z a-z 0-9 _ -`. */
export function validDeviceId(id: string): boolean {
  return deviceId.test(id);
}

/** 1 to 64 of `A-Z a-z 0-9 _ -`. */
export function validGroupId(id: string): boolean {
  return userId.test(id);
}

/** The two halves of an MQTT client id, `<user>:<device>`; undefined when it is not one. */
export function parseClientId(id: string): { user: string; device: string } | undefined {
  const colon = id.indexOf(':');
  if (colon < 0) return undefined;
  const user = id.slice(0, colon);
  const device = id.slice(colon + 1);
  return validUserId(user) && validDeviceId(device) ? { user, device } : undefined;
}

/** `<user>:<device>`: the MQTT client id of a device, and its name in `device_bodies`. */
export function clientId(user: string, device: string): string {
  return `${user}:${device}`;
}

// E.164: a country code and a number, 15 digits at most.
const phone = /^\+[1-9][0-9]{1,14}$/;

/** Whether it is a phone number as E.164 writes it, `+` and digits. */
export function validPhone(text: unknown): text is string {
  return typeof text === 'string' && phone.test(text);
}
