import { isIP } from "node:net";
import type { Given } from "./collect.ts";
import type { Environment } from "./environment.ts";
import { ConfigError } from "./errors.ts";
import type { Values } from "./option.ts";
import type { schema } from "./schema.ts";
import { checkPlace, secretSource, type SecretForms, type SecretSource } from "./secrets.ts";
import type { MailSettings, MailTls, Settings } from "./settings.ts";

type Read = Pick<Values<typeof schema>, "mail" | "webhook" | "ping">;
type Reporting = Pick<Settings, "mail" | "templates" | "retryForMs" | "webhook" | "ping">;

const ports: Readonly<Record<MailTls, number>> = { off: 25, starttls: 587, implicit: 465 };

const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));

/** How reports reach people: what the sections mail, webhook and ping say together. */
export function buildReporting(
  values: Read,
  given: ReadonlyMap<string, Given>,
  environment: Environment,
  noting: <T>(work: () => T, otherwise: T) => T,
): Reporting {
  const { mail, ping, webhook } = values;
  const secret = (key: string, forms: SecretForms): SecretSource | null =>
    noting(() => {
      if (forms.value != null) checkPlace(given.get(key));
      return secretSource(key, forms, environment);
    }, null);
  const urlOf = (key: string, { url, url_file: file }: { url: string | null; url_file: string | null }) =>
    secret(key, { value: url, file, fernet: null, fernetKeyFile: null });

  const webhookUrl = urlOf("webhook.url", webhook);
  const pingUrl = urlOf("ping.url", ping);
  const { templates } = mail;
  const custom = {
    "project.mjml": templates.project,
    "project.txt": templates.project_text,
    "operators.mjml": templates.operators,
    "operators.txt": templates.operators_text,
  };
  return {
    mail: noting(() => buildMail(mail, { environment, secret }), null),
    templates: Object.fromEntries(Object.entries(custom).filter(([, path]) => path !== null)),
    retryForMs: mail.retry_for,
    webhook:
      webhookUrl === null
        ? null
        : {
            url: webhookUrl,
            timeoutMs: webhook.timeout,
            secret: secret("webhook.secret", {
              value: webhook.secret,
              file: webhook.secret_file,
              fernet: webhook.secret_fernet,
              fernetKeyFile: webhook.secret_fernet_key_file,
            }),
          },
    ping: pingUrl === null ? null : { url: pingUrl, timeoutMs: ping.timeout },
  };
}

function buildMail(
  mail: Read["mail"],
  context: { environment: Environment; secret: (key: string, forms: SecretForms) => SecretSource | null },
): MailSettings | null {
  const { environment, secret } = context;
  const { from, host, tls, user } = mail;
  if (host === null) {
    const asking = [
      ...(mail.operators.length > 0 ? ["mail.operators"] : []),
      ...(mail.receivers.length > 0 ? ["mail.receivers"] : []),
      ...(mail.project_address === null ? [] : ["mail.project_address"]),
      ...(mail.members ? ["mail.members"] : []),
    ];
    if (asking.length === 0) return null;
    throw new ConfigError([
      `${asking.join(" and ")} asks for mail, but there is no mail.host; set it to the mail server`,
    ]);
  }
  if (from === null) throw new ConfigError(["mail.host is set, but not mail.from; set it to the sender's address"]);
  const password = secret("mail.password", {
    value: mail.password,
    file: mail.password_file,
    fernet: mail.password_fernet,
    fernetKeyFile: mail.password_fernet_key_file,
  });
  if ((user === null) !== (password === null)) {
    const [there, missing] = user === null ? ["mail.password", "mail.user"] : ["mail.user", "mail.password"];
    throw new ConfigError([`${there} is set, but not ${missing}; a login needs both`]);
  }
  if (password !== null && tls === "off" && !isLoopback(host)) {
    throw new ConfigError([
      "mail.tls is off, which would send the password of mail.user over the network for everybody to read; set it to starttls or implicit",
    ]);
  }
  const ca = mail.ca_file === null ? null : environment.files.read(mail.ca_file);
  if (mail.ca_file !== null && ca === null) {
    throw new ConfigError([`${mail.ca_file}: no such file; mail.ca_file names it`]);
  }
  return {
    host,
    port: mail.port ?? ports[tls],
    tls,
    ca: ca?.text ?? null,
    login: user === null || password === null ? null : { user, password },
    from,
    operators: mail.operators,
    receivers: mail.receivers,
    projectAddress: mail.project_address,
    members: mail.members,
    timeoutMs: mail.timeout,
    clientName: environment.hostName,
  };
}
