import { startSimulator, type Simulator, type SimulatorOptions } from "./simulator.ts";

export interface TestBed {
  readonly simulator: Simulator;
  /** The virtual clock: set it, or move it on. */
  readonly clock: { nowMs: number };
  readonly projectId: string;
  /** Asks Cinder as a member of the project. */
  readonly storage: (
    method: string,
    path: string,
    json?: unknown,
  ) => Promise<{ status: number; body: unknown; headers: Headers }>;
}

/** A simulator with one project and one member in it, for the tests beside this file. */
export async function openTestBed(options: Partial<SimulatorOptions> = {}): Promise<TestBed> {
  const clock = { nowMs: Date.parse("2026-01-15T12:00:00Z") };
  let state = 1;
  const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 0x1_0000_0000;
  const simulator = await startSimulator({ now: () => clock.nowMs, random, ...options });
  const project = simulator.seed.project({ name: "p" });
  const user = simulator.seed.user({ name: "u" });
  simulator.seed.setRole(user.id, "member", { projectId: project.id });
  const { identity } = simulator.state;
  const token = identity.issue({
    userId: user.id,
    projectId: project.id,
    methods: ["password"],
    applicationCredentialId: null,
  }).id;
  const base = simulator.authUrl.replace("/identity/v3", "/volume/v3");
  const storage: TestBed["storage"] = async (method, path, json) => {
    const headers = { "X-Auth-Token": token, "OpenStack-API-Version": "volume 3.70" };
    const response = await fetch(base + path, {
      method,
      headers,
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === "" ? undefined : JSON.parse(text) };
  };
  return { simulator, clock, projectId: project.id, storage };
}
