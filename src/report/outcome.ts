/**
 * How a try to deliver ended. `refused`: for good, it is this message or receiver that is not wanted. `later`: this one is to be tried again,
 * others may succeed now. `down`: the other side does not work at all; nobody else need try.
 */
export type Outcome =
  { readonly kind: "accepted" } | { readonly kind: "refused" | "later" | "down"; readonly error: string };

export const accepted: Outcome = { kind: "accepted" };

const longestError = 500;

export const failed = (kind: "refused" | "later" | "down", reason: string): Outcome => ({
  kind,
  error: reason.slice(0, longestError),
});
