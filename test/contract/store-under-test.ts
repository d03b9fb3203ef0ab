import type { Repository } from "../../src/store/repository.ts";

/** The database of one test. */
export interface StoreUnderTest {
  readonly store: Repository;
  /** A second connection, as another conductor has. */
  another(): Promise<Repository>;
}
