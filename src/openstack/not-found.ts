import { isNotFound } from "./errors.ts";

/** `null` in place of the service's own word that there is no such object, or none that the token may see. */
export async function unlessGone<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask();
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
}
