import { CloudError } from "../openstack/errors.ts";
import { StoreError } from "../store/errors.ts";

/** What passes by itself: a run waits, and goes on where the database says it is. */
export const isOutage = (error: unknown): boolean =>
  (error instanceof StoreError && error.transient) || (error instanceof CloudError && isCloudOutage(error));

const isCloudOutage = ({ kind, status }: CloudError): boolean =>
  kind === "network" || kind === "timeout" || kind === "malformed" || status === 429 || (status ?? 0) >= 500;
