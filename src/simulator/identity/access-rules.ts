import type { Exchange } from "../exchange.ts";
import type { Token } from "../records.ts";
import type { IdentityState } from "./state.ts";

const compiled = new Map<string, RegExp>();

/** `*` and `{name}` stand for one segment, `**` for any rest. */
function pattern(path: string): RegExp {
  let made = compiled.get(path);
  if (made === undefined) {
    const source = path.replace(/\*\*|\*|\{[^}]*\}|[.+?^$()|[\]\\]/g, (part) =>
      part === "**" ? ".*" : part === "*" || part.startsWith("{") ? "[^/]+" : `\\${part}`,
    );
    compiled.set(path, (made = new RegExp(`^${source}$`)));
  }
  return made;
}

/** The type under which each service looks for its rules: one name only, whatever else the catalogue calls it. */
const ownType = { identity: "identity", compute: "compute", "block-storage": "volumev3" } as const;

/** Whether the credential behind the token lets this request through; a token of a password always does. */
export function accessRulesAllow(identity: IdentityState, token: Token, exchange: Exchange): boolean {
  if (token.applicationCredentialId === null) return true;
  const rules = identity.applicationCredentials.get(token.applicationCredentialId)?.accessRules;
  if (rules === undefined || rules === null) return true;
  if (exchange.service === "identity" && exchange.method === "GET" && exchange.path.endsWith("/v3/auth/tokens"))
    return true;
  const type = ownType[exchange.service];
  return rules.some(
    (rule) => rule.method === exchange.method && rule.service === type && pattern(rule.path).test(exchange.path),
  );
}
