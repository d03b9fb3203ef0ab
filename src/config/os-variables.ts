import { variable, type Environment } from "./environment.ts";

const authKeys = [
  "auth_url",
  "username",
  "user_id",
  "password",
  "project_name",
  "project_id",
  "tenant_name",
  "tenant_id",
  "user_domain_name",
  "user_domain_id",
  "project_domain_name",
  "project_domain_id",
  "default_domain",
  "default_domain_id",
  "default_domain_name",
  "application_credential_id",
  "application_credential_name",
  "application_credential_secret",
];
const otherKeys = ["auth_type", "region_name", "interface", "endpoint_type", "cacert", "insecure", "cert"];

export const variableOf = (key: string): string => `OS_${key.toUpperCase()}`;

/** The `OS_*` variables in the shape of an entry of clouds.yaml. */
export function entryFromVariables(environment: Environment): Readonly<Record<string, unknown>> {
  const pick = (keys: readonly string[]): Record<string, string> =>
    Object.fromEntries(
      keys.flatMap((key) => {
        const value = variable(environment, variableOf(key));
        return value === null ? [] : [[key, value]];
      }),
    );
  return { ...pick(otherKeys), auth: pick(authKeys) };
}
