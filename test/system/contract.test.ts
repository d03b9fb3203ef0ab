import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { declareContract } from "../contract/run.ts";
import { text } from "../contract/driver.ts";

declareContract("the real cloud", { concurrency: 6, open });

async function open() {
  const state = process.env.AIO_STATE ?? "/tmp/openstack-aio";
  const clouds: unknown = JSON.parse(readFileSync(`${state}/clouds.yaml`, "utf8"));
  const auth = (key: string) => text(clouds, `clouds.admin.auth.${key}`);
  return {
    authUrl: auth("auth_url"),
    adminName: auth("username"),
    adminPassword: auth("password"),
    adminProject: auth("project_name"),
    prefix: `contract-${randomBytes(4).toString("hex")}`,
    pause: (ms: number) => sleep(ms),
    close: async () => {},
  };
}
