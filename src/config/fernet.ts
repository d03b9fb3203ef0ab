import { createDecipheriv, createHmac, timingSafeEqual } from "node:crypto";

/**
 * Opens Fernet tokens, as Python's `cryptography` makes them (https://github.com/fernet/spec/blob/master/Spec.md): a version byte, a time, an
 * initialisation vector, the text in AES-128-CBC, and an HMAC-SHA256 over all of it. Own code because the package of that name has not been kept
 * for years and rests on an abandoned library, while Node's own cryptography does the work.
 */

const version = 0x80;
const vectorAt = 1 + 8;
const textAt = vectorAt + 16;
const macBytes = 32;
const blockBytes = 16;

/** What is base64 in the URL alphabet, and nothing else; `null` otherwise. Node's own decoder passes over what it does not know. */
function decode(text: string): Buffer | null {
  return /^[\w-]+={0,2}$/.test(text) && text.length % 4 === 0 ? Buffer.from(text, "base64url") : null;
}

/** The two halves of a key: the first signs, the second encrypts. `null` when it is no key. */
export function fernetKey(text: string): { readonly signing: Buffer; readonly encryption: Buffer } | null {
  const bytes = decode(text);
  return bytes?.length === 32 ? { signing: bytes.subarray(0, 16), encryption: bytes.subarray(16) } : null;
}

/**
 * @param key as {@link fernetKey} gave it
 * @returns the text; `null` when the token is damaged or was made with another key. Its age does not matter: a password that is kept does not expire.
 */
export function openFernet(token: string, key: NonNullable<ReturnType<typeof fernetKey>>): string | null {
  const bytes = decode(token);
  if (bytes === null || bytes[0] !== version) return null;
  const macAt = bytes.length - macBytes;
  const textBytes = macAt - textAt;
  if (textBytes < blockBytes || textBytes % blockBytes !== 0) return null;
  const mac = createHmac("sha256", key.signing).update(bytes.subarray(0, macAt)).digest();
  if (!timingSafeEqual(mac, bytes.subarray(macAt))) return null;
  const cipher = createDecipheriv("aes-128-cbc", key.encryption, bytes.subarray(vectorAt, textAt));
  try {
    return Buffer.concat([cipher.update(bytes.subarray(textAt, macAt)), cipher.final()]).toString("utf8");
  } catch {
    // Signed with the right key, yet the padding is wrong.
    return null;
  }
}
