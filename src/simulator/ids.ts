/** Identifiers in the shapes OpenStack uses, drawn from the caller's random numbers. */
export interface Ids {
  /** 8-4-4-4-12, as Nova and Cinder name their objects. */
  uuid(): string;
  /** 32 hexadecimal digits, as Keystone names users, projects and roles. */
  hex(): string;
  /** A bearer token; long, as Fernet tokens are. */
  token(): string;
  request(): string;
}

export function createIds(random: () => number): Ids {
  let count = 0;
  const eight = (n: number) => n.toString(16).padStart(8, "0");
  const word = () => eight(Math.floor(random() * 0x1_0000_0000));
  // The last word is a scrambled counter: ids stay unique however poor the caller's random numbers are.
  const hex = () => word() + word() + word() + eight(Math.imul(++count, 0x9e3779b1) >>> 0);
  const uuid = () => {
    const h = hex();
    return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-a${h.slice(17, 20)}-${h.slice(20)}`;
  };
  return { uuid, hex, token: () => `gAAAAAB${hex()}${hex()}${hex()}${hex()}`, request: () => `req-${uuid()}` };
}
