import { after, before, describe } from "node:test";
import { storeContract } from "../contract/store.ts";
import { startMariaDb } from "./support/mariadb.ts";
import type { MariaDb } from "./support/mariadb.ts";

describe("the store on MariaDB", () => {
  let server: MariaDb;
  let databases = 0;
  const fresh = () => server.createDatabase(`store_${(databases += 1)}`);
  before(async () => {
    server = await startMariaDb();
  });
  after(() => server.stop());

  describe("contract", () => storeContract(fresh));
});
