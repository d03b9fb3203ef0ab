import MailComposer from "nodemailer/lib/mail-composer";
import type { Delivery } from "../domain/deliveries.ts";
import { plain } from "./format.ts";
import type { Rendered } from "./render.ts";

/** One mail as it goes over the wire. */
export interface Message {
  readonly from: string;
  readonly to: string;
  readonly raw: Buffer;
}

/** The address in `Dirigent <backup@example.org>`, or the whole. */
export const addressOf = (from: string): string => /<([^<>]+)>\s*$/.exec(from)?.[1] ?? from.trim();

/** The same for every try to send a delivery, so that a mail that arrives twice can be recognised. */
export function messageId(deliveryId: string, from: string): string {
  const domain = addressOf(from).split("@").at(-1) ?? "localhost";
  return `<${deliveryId}@${domain}>`;
}

/** Puts a digest into a mail: a plain-text and an HTML part. */
export async function buildMessage(
  delivery: Pick<Delivery, "id" | "receiver" | "resendOf" | "createdAt">,
  rendered: Rendered,
  from: string,
): Promise<Message> {
  const original = delivery.resendOf === null ? null : messageId(delivery.resendOf, from);
  const composer = new MailComposer({
    from,
    to: { name: "", address: delivery.receiver },
    subject: plain(rendered.subject, 200),
    text: rendered.text,
    html: rendered.html,
    date: delivery.createdAt,
    messageId: messageId(delivery.id, from),
    ...(original === null ? {} : { inReplyTo: original, references: [original] }),
    headers: {
      // Nobody's absence note answers it.
      "Auto-Submitted": "auto-generated",
      "X-Auto-Response-Suppress": "All",
      ...(original === null ? {} : { "X-Dirigent-Resend-Of": original }),
    },
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return { from: addressOf(from), to: delivery.receiver, raw: await composer.compile().build() };
}
