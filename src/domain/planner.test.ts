import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  aBackup,
  aJob,
  anIncremental,
  aServer,
  at,
  aVolume,
  dailyPolicy,
  pointsOf,
} from "../../test/unit/support/builders.ts";
import { dayMs, selection } from "../../test/unit/support/clouds.ts";
import { noTemporary, type Job } from "./catalogue.ts";
import type { Backup, Server, Volume } from "./inventory.ts";
import { automatedMark, mark } from "./marks.ts";
import { noticesOfPoints, planTrack, type TrackPlan, type PlanInput } from "./planner.ts";
import type { Policy } from "./policy.ts";
import { currentSlot } from "./slots.ts";
import { taggedTargets } from "./tracks.ts";

const timeZone = "Europe/Berlin";
const now = at("2026-11-21T02:00:00Z");
/** The slot that `now` falls into starts at 2026-11-20T23:00:00Z. */
const key = "v1/default/2026-11-20T23:00:00Z";

interface Given {
  servers?: readonly Server[];
  volumes?: readonly Volume[];
  backups?: readonly Backup[];
  jobs?: readonly Job[];
  policy?: Partial<Policy>;
  now?: Date;
  nameTemplate?: string;
  overridesSeen?: PlanInput["overridesSeen"];
}

function plan(given: Given): TrackPlan {
  const policy = { ...dailyPolicy, timeZone, ...given.policy };
  const volumes = given.volumes ?? [aVolume("v1")];
  const slot = currentSlot(policy, given.now ?? now);
  assert.ok(slot !== null);
  return planTrack({
    now: given.now ?? now,
    runId: "run-7",
    slot,
    policy,
    selection,
    timeZone,
    nameTemplate: given.nameTemplate ?? "{VOLUME_NAME}-{BACKUP_DATE}",
    mechanism: "backup",
    targets: taggedTargets(given.servers ?? [aServer("s1", { volumeIds: ["v1"] })], volumes, selection),
    volumes: new Map(volumes.map((v) => [v.id, v])),
    points: pointsOf(given.backups ?? []),
    jobs: given.jobs ?? [],
    ahead: new Map(),
    fromSnapshotTypes: [],
    overridesSeen: given.overridesSeen ?? [],
    requestKey: selection.retentionKey,
  });
}

/** Each decision in one line: server, volume, and the mode of a job or the reason of a skip with its message. */
const decisions = ({ jobs, skips }: TrackPlan): string[] => [
  ...jobs.map((job) => `${job.serverId} ${job.volumeId} ${job.mode}${job.shared ? " shared" : ""}`),
  ...skips.map((skip) => [skip.serverId, skip.volumeId, skip.reason, skip.message].filter(Boolean).join(" ")),
];

const decided = (given: Given): string[] => decisions(plan(given));

describe("planTrack", () => {
  it("plans a job with all it takes", () => {
    const volume = aVolume("v1", { serverIds: ["s1"], projectId: "p1", sizeGiB: 10 });
    assert.deepEqual(plan({ volumes: [volume], backups: [aBackup("b1", "2026-11-19T23:05:00Z")] }), {
      jobs: [
        {
          key,
          runId: "run-7",
          projectId: "p1",
          volumeId: "v1",
          volumeName: "name of v1",
          serverId: "s1",
          serverName: "name of s1",
          policy: "default",
          slot: "2026-11-20T23:00:00Z",
          setId: "s1/default/2026-11-20T23:00:00Z",
          mode: "incremental",
          modeReason: "incremental",
          parentId: "b1",
          sizeGiB: 10,
          volumeType: "fast",
          pool: "aio@fast#fast",
          shared: false,
          windowEndsAt: at("2026-11-21T07:00:00Z"),
          keepUntil: at("2026-12-04T23:00:00Z"),
          description: null,
          archiveContainer: null,
          archiveZone: null,
          archiveKeepUntil: null,
          fullNumber: null,
          mechanism: "backup",
          retention: null,
          container: null,
          backupName: "name of v1-2026-11-21T00-00",
          state: "planned",
          reason: null,
          message: null,
          requestId: null,
          backupId: null,
          plannedAt: now,
          submittedAt: null,
          deadlineAt: null,
          stuckReportedAt: null,
          endedAt: null,
          ...noTemporary,
        },
      ],
      skips: [],
      notices: [],
      overridesSeen: [],
      asked: ["s1", "v1"],
    });
  });

  it("skips with all it takes", () => {
    assert.deepEqual(plan({ volumes: [aVolume("v1", { status: "error" })] }), {
      jobs: [],
      skips: [
        {
          reason: "volume_state",
          policy: "default",
          mechanism: "backup",
          key,
          projectId: "p1",
          serverId: "s1",
          serverName: "name of s1",
          volumeId: "v1",
          volumeName: "name of v1",
          message: "status error",
        },
      ],
      notices: [],
      overridesSeen: [],
      asked: ["s1", "v1"],
    });
  });

  describe("which servers", () => {
    const tagged = (metadata: Record<string, string>): number =>
      decided({ servers: [aServer("s1", { metadata, volumeIds: ["v1"] })] }).length;
    it("takes the tag's accepted values, without case and surrounding space", () => {
      for (const value of ["yes", "true", "Yes", " TRUE\n"]) assert.equal(tagged({ backup: value }), 1, value);
      for (const value of ["no", "false", "", "yes please", "1"]) assert.equal(tagged({ backup: value }), 0, value);
      assert.equal(tagged({}), 0);
      assert.equal(tagged({ Backup: "yes" }), 0);
    });

    it("says of a server without volumes that there is nothing to back up", () => {
      assert.deepEqual(plan({ servers: [aServer("s1")], volumes: [] }).skips, [
        {
          reason: "no_volumes",
          policy: "default",
          mechanism: "backup",
          key: "s1/default/2026-11-20T23:00:00Z",
          projectId: "p1",
          serverId: "s1",
          serverName: "name of s1",
          volumeId: null,
          volumeName: "",
          message: null,
        },
      ]);
      assert.deepEqual(decided({ servers: [aServer("s1", { status: "BUILD" })], volumes: [] }), [
        "s1 server_state status BUILD",
      ]);
    });

    it("leaves alone those that are being built or deleted", () => {
      for (const status of ["BUILD", "DELETED", "SOFT_DELETED", "build"]) {
        const servers = [aServer("s1", { status, volumeIds: ["v1"] })];
        assert.deepEqual(decided({ servers }), [`s1 v1 server_state status ${status}`]);
      }
    });

    it("backs up those in any other state, as the volume's allows", () => {
      for (const status of [
        "ACTIVE",
        "SHUTOFF",
        "PAUSED",
        "SUSPENDED",
        "SHELVED_OFFLOADED",
        "ERROR",
        "VERIFY_RESIZE",
      ]) {
        const servers = [aServer("s1", { status, volumeIds: ["v1"] })];
        assert.deepEqual(decided({ servers }), ["s1 v1 full"], status);
        assert.deepEqual(decided({ servers, volumes: [aVolume("v1", { status: "reserved" })] }), [
          "s1 v1 volume_state status reserved",
        ]);
      }
    });

    it("takes a server that two pages showed once", () => {
      const server = aServer("s1", { volumeIds: ["v1"] });
      assert.deepEqual(decided({ servers: [server, server] }), ["s1 v1 full"]);
    });
  });

  describe("which volumes", () => {
    it("takes what Nova or Cinder says is attached, roots and others, once each", () => {
      const servers = [
        aServer("s2", { volumeIds: ["v3", "v4"] }),
        aServer("s1", { volumeIds: [] }),
        aServer("s3", { metadata: {}, volumeIds: ["v6"] }),
      ];
      const volumes = [
        aVolume("v1", { serverIds: ["s2"], bootable: true }),
        aVolume("v2", { serverIds: ["s2"] }),
        aVolume("v3"),
        aVolume("v4", { serverIds: ["s2"] }),
        aVolume("v5", { serverIds: ["s1"] }),
        aVolume("v6"),
        aVolume("v7", { serverIds: ["s3"] }),
      ];
      assert.deepEqual(decided({ servers, volumes }), [
        "s2 v1 full",
        "s2 v2 full",
        "s2 v3 full",
        "s2 v4 full",
        "s1 v5 full",
      ]);
    });

    it("takes available and in-use ones only", () => {
      for (const status of ["available", "in-use"]) {
        assert.deepEqual(decided({ volumes: [aVolume("v1", { status })] }), ["s1 v1 full"]);
      }
      for (const status of ["backing-up", "error", "creating", "restoring-backup", "In-Use"]) {
        assert.deepEqual(decided({ volumes: [aVolume("v1", { status })] }), [`s1 v1 volume_state status ${status}`]);
      }
    });

    it("leaves out those that ask for it", () => {
      for (const value of ["true", "", "no", "0"]) {
        const volumes = [aVolume("v1", { metadata: { "skip-volume-backup": value }, status: "error" })];
        assert.deepEqual(decided({ volumes }), ["s1 v1 skip_requested"]);
      }
      for (const value of ["false", "FALSE", " False "]) {
        const volumes = [aVolume("v1", { metadata: { "skip-volume-backup": value } })];
        assert.deepEqual(decided({ volumes }), ["s1 v1 full"]);
      }
    });

    it("reports one that Cinder does not list", () => {
      assert.deepEqual(plan({ volumes: [] }).skips, [
        {
          reason: "volume_missing",
          policy: "default",
          mechanism: "backup",
          key,
          projectId: "p1",
          serverId: "s1",
          serverName: "name of s1",
          volumeId: "v1",
          volumeName: "",
          message: null,
        },
      ]);
    });

    it("leaves alone one of another project", () => {
      assert.deepEqual(decided({ volumes: [aVolume("v1", { projectId: "p2" })] }), ["s1 v1 foreign_volume"]);
    });
  });

  it("orders skips by server and volume", () => {
    const servers = [aServer("s2", { volumeIds: ["v4", "v3"] }), aServer("s1", { volumeIds: ["v2", "v1"] })];
    assert.deepEqual(decided({ servers, volumes: [] }), [
      "s1 v1 volume_missing",
      "s1 v2 volume_missing",
      "s2 v3 volume_missing",
      "s2 v4 volume_missing",
    ]);
  });

  describe("volumes of several servers", () => {
    const servers = [
      aServer("s2", { volumeIds: ["v1"] }),
      aServer("s1", { volumeIds: ["v1"] }),
      aServer("s3", { volumeIds: ["v1"] }),
    ];
    it("backs them up once, with the first server", () => {
      assert.deepEqual(decided({ servers }), [
        "s1 v1 full shared",
        "s2 v1 shared_volume backed up with server s1",
        "s3 v1 shared_volume backed up with server s1",
      ]);
    });
    it("takes the next server when the first is in no state for it, or of another project", () => {
      const others = [
        aServer("s0", { volumeIds: ["v1"], projectId: "p2" }),
        ...servers.map((s) => (s.id === "s1" ? { ...s, status: "BUILD" } : s)),
      ];
      assert.deepEqual(decided({ servers: others }), [
        "s2 v1 full shared",
        "s0 v1 foreign_volume",
        "s1 v1 server_state status BUILD",
        "s3 v1 shared_volume backed up with server s2",
      ]);
    });
    it("says of each why not, when none will do", () => {
      const all = servers.map((s) => ({ ...s, status: s.id === "s1" ? "BUILD" : "DELETED" }));
      assert.deepEqual(decided({ servers: all }), [
        "s1 v1 server_state status BUILD",
        "s2 v1 server_state status DELETED",
        "s3 v1 server_state status DELETED",
      ]);
      assert.deepEqual(decided({ servers, volumes: [] }), [
        "s1 v1 volume_missing",
        "s2 v1 volume_missing",
        "s3 v1 volume_missing",
      ]);
    });
    it("counts servers that are not tagged as well", () => {
      const volumes = [aVolume("v1", { serverIds: ["s1", "s9"] })];
      assert.deepEqual(decided({ servers: [aServer("s1")], volumes }), ["s1 v1 full shared"]);
    });
  });

  describe("what is done or going on", () => {
    const planned = (jobs: readonly Job[], backups: readonly Backup[] = []): string[] => decided({ jobs, backups });
    it("makes none when a job of the slot has ended, however", () => {
      for (const state of ["succeeded", "failed", "cancelled"] as const) {
        assert.deepEqual(planned([aJob("v1", { state })]), ["s1 v1 not_due"]);
      }
    });
    it("makes none while a job is open, of whatever slot", () => {
      for (const state of ["planned", "submitting", "running"] as const) {
        assert.deepEqual(planned([aJob("v1", { state })]), [`s1 v1 still_running job ${key} is ${state}`]);
        assert.deepEqual(planned([aJob("v1", { state, slot: "2026-11-01T23:00:00Z" })]), [
          `s1 v1 still_running job v1/default/2026-11-01T23:00:00Z is ${state}`,
        ]);
      }
    });
    it("names the same job whatever their order", () => {
      const open = [aJob("v1", { state: "running", slot: "2026-11-19T23:00:00Z" }), aJob("v1", { state: "running" })];
      const expected = ["s1 v1 still_running job v1/default/2026-11-19T23:00:00Z is running"];
      assert.deepEqual(planned(open), expected);
      assert.deepEqual(planned(open.toReversed()), expected);
    });
    it("is not held up by other slots' ended jobs, other policies, or other volumes", () => {
      assert.deepEqual(planned([aJob("v1", { state: "failed", slot: "2026-11-19T23:00:00Z" })]), ["s1 v1 full"]);
      assert.deepEqual(planned([aJob("v2", { state: "running" })]), ["s1 v1 full"]);
      assert.deepEqual(
        planned(
          [],
          [aBackup("b1", "2026-11-20T23:05:00Z", { marks: { [mark.key]: "v1/weekly/2026-11-20T23:00:00Z" } })],
        ),
        ["s1 v1 incremental"],
      );
    });
    it("makes none when a backup of ours has the key, whatever became of it", () => {
      for (const status of ["available", "error", "creating", "deleting", "restoring"]) {
        const done = aBackup("b1", "2026-11-20T23:05:00Z", { status, marks: { [mark.key]: key } });
        assert.deepEqual(planned([], [done]), ["s1 v1 not_due"], status);
      }
    });
    it("makes none when only the database remembers the backup's key", () => {
      const points = pointsOf([aBackup("b1", "2026-11-20T23:05:00Z")]).get("v1");
      const [point] = points?.points ?? [];
      assert.ok(points !== undefined && point !== undefined);
      const policy = { ...dailyPolicy, timeZone };
      const slot = currentSlot(policy, now);
      assert.ok(slot !== null);
      const input: PlanInput = {
        now,
        runId: "r",
        slot,
        policy,
        selection,
        timeZone,
        nameTemplate: "{VOLUME_ID}",
        mechanism: "backup",
        targets: [{ server: aServer("s1", { volumeIds: ["v1"] }), volumeIds: ["v1"] }],
        volumes: new Map([["v1", aVolume("v1")]]),
        points: new Map([["v1", { ...points, points: [{ ...point, entry: { key } as typeof point.entry }] }]]),
        jobs: [],
        ahead: new Map(),
        fromSnapshotTypes: [],
        overridesSeen: [],
        requestKey: selection.retentionKey,
      };
      assert.deepEqual(decisions(planTrack(input)), ["s1 v1 not_due"]);
    });
    it("is not held up by a forged key", () => {
      const forged = aBackup("b1", "2026-11-20T23:05:00Z", { userId: "user-tenant", marks: { [mark.key]: key } });
      assert.deepEqual(planned([], [forged]), ["s1 v1 full"]);
    });
    it("waits for a backup of ours that is being made", () => {
      const creating = aBackup("b1", "2026-11-19T23:05:00Z", { status: "creating" });
      assert.deepEqual(planned([], [creating]), ["s1 v1 still_running backup b1 is creating"]);
      assert.deepEqual(planned([], [{ ...creating, userId: "user-tenant" }]), ["s1 v1 full"]);
    });
  });

  describe("time", () => {
    it("leaves a volume alone whose newest good backup is too recent", () => {
      const policy = { minimumIntervalMs: dayMs / 2 };
      const made = (createdAt: string, fields: Partial<Backup> = {}): string[] =>
        decided({ policy, backups: [aBackup("b1", createdAt, fields)] });
      assert.deepEqual(made("2026-11-20T14:00:00.001Z"), ["s1 v1 too_soon"]);
      assert.deepEqual(made("2026-11-20T14:00:00.000Z"), ["s1 v1 incremental"]);
      assert.deepEqual(made("2026-11-21T13:59:59.999Z"), ["s1 v1 too_soon"]);
      assert.deepEqual(made("2026-11-21T14:00:00.000Z"), ["s1 v1 incremental"], "a clock far ahead stops nothing");
      assert.deepEqual(made("2026-11-21T01:00:00Z", { status: "error" }), ["s1 v1 full"]);
      assert.deepEqual(made("2026-11-21T01:00:00Z", { userId: "user-tenant" }), ["s1 v1 full"]);
    });
    it("counts the newest good one, not the newest", () => {
      const backups = [
        aBackup("b1", "2026-11-21T01:00:00Z"),
        aBackup("b2", "2026-11-21T01:30:00Z", { status: "error" }),
      ];
      assert.deepEqual(decided({ policy: { minimumIntervalMs: dayMs / 2 }, backups }), ["s1 v1 too_soon"]);
    });
    it("starts nothing after the window", () => {
      assert.deepEqual(decided({ now: at("2026-11-21T06:59:59.999Z") }), ["s1 v1 full"]);
      assert.deepEqual(decided({ now: at("2026-11-21T07:00:00Z") }), ["s1 v1 window_missed"]);
    });
  });

  it("takes first what was never backed up, then what waits longest for a good one", () => {
    const volumes = ["v1", "v2", "v3", "v4", "v5"].map((id) => aVolume(id));
    const servers = [aServer("s1", { volumeIds: ["v1", "v2", "v3", "v4", "v5"] })];
    const backups = [
      aBackup("b1", "2026-11-10T00:00:00Z", { volumeId: "v1" }),
      aBackup("b2", "2026-11-12T00:00:00Z", { volumeId: "v1" }),
      aBackup("b3", "2026-11-11T00:00:00Z", { volumeId: "v2" }),
      aBackup("b4", "2026-11-19T00:00:00Z", { volumeId: "v2", status: "error" }),
      aBackup("b5", "2026-11-19T00:00:00Z", { volumeId: "v3", status: "error" }),
      aBackup("b6", "2026-11-11T00:00:00Z", { volumeId: "v5" }),
    ];
    const order = plan({ servers, volumes, backups }).jobs.map((job) => job.volumeId);
    assert.deepEqual(order, ["v3", "v4", "v2", "v5", "v1"]);
  });

  it("names backups by the template, and by the volume's id where it has no name", () => {
    const name = (given: Given): string | undefined => plan(given).jobs[0]?.backupName;
    const nameTemplate = "{VOLUME_NAME}|{BACKUP_DATE}|{VOLUME_ID}|{SERVER_NAME}|{PROJECT_ID}|{POLICY}|{TIMESTAMP}";
    assert.equal(name({ nameTemplate }), "name of v1|2026-11-21T00-00|v1|name of s1|p1|default|1795226400");
    assert.equal(name({ volumes: [aVolume("v1", { name: " " })] }), "v1-2026-11-21T00-00");
  });

  describe("retention", () => {
    const keepUntil = (
      server: string | null,
      volume: string | null,
      seen: Given["overridesSeen"] = [],
    ): Date | undefined => {
      const metadata = (value: string | null): Record<string, string> =>
        value === null ? {} : { backup_retention: value };
      return plan({
        servers: [aServer("s1", { volumeIds: ["v1"], metadata: { backup: "yes", ...metadata(server) } })],
        volumes: [aVolume("v1", { metadata: metadata(volume) })],
        overridesSeen: seen,
      }).jobs[0]?.keepUntil;
    };
    const row = (resourceId: string, value: string): NonNullable<Given["overridesSeen"]>[number] => ({
      resourceId,
      key: "backup_retention",
      value,
      firstSeenAt: at("2026-11-01T00:00:00Z"),
    });
    it("promises what server or volume ask for, as far as it counts", () => {
      assert.deepEqual(keepUntil(null, null), at("2026-12-04T23:00:00Z"));
      assert.deepEqual(keepUntil("30d", null), at("2026-12-20T23:00:00Z"));
      assert.deepEqual(keepUntil(null, "20d"), at("2026-12-10T23:00:00Z"));
      assert.deepEqual(keepUntil("30d", "20d"), at("2026-12-20T23:00:00Z"));
      assert.deepEqual(keepUntil("30d", "20d", [row("v1", "20d")]), at("2026-12-10T23:00:00Z"));
      assert.deepEqual(keepUntil("5d", null), at("2026-12-04T23:00:00Z"));
      assert.deepEqual(keepUntil("5d", null, [row("s1", "5d")]), at("2026-11-25T23:00:00Z"));
    });

    it("remembers the requests of all tagged servers and their volumes, backed up or not, each once", () => {
      const metadata = { backup_retention: "5d", "skip-volume-backup": "yes" };
      const result = plan({
        servers: [
          aServer("s2", { volumeIds: ["v1"], metadata: { backup: "yes", backup_retention: "60d" } }),
          aServer("s1", { volumeIds: ["v1"] }),
          aServer("s3", { metadata: { backup_retention: "60d" } }),
        ],
        volumes: [aVolume("v1", { metadata }), aVolume("v2", { metadata })],
        overridesSeen: [row("v2", "5d"), row("s9", "60d")],
      });
      const seen = (resourceId: string, value: string): unknown => ({ ...row(resourceId, value), firstSeenAt: now });
      assert.deepEqual(result.overridesSeen, [seen("s2", "60d"), seen("v1", "5d")]);
      assert.deepEqual(
        result.notices.map((n) => [n.resourceId, n.reason]),
        [["v1", "request_waits"]],
      );
    });

    it("orders what it remembers of one resource by value", () => {
      const result = plan({
        servers: [aServer("s1", { metadata: { backup: "yes", backup_retention: "30d" } })],
        overridesSeen: [row("s1", "60d")],
      });
      assert.deepEqual(
        result.overridesSeen.map((r) => r.value),
        ["30d", "60d"],
      );
    });
  });

  it("reports damaged and forged marks in the whole cloud", () => {
    const notices = noticesOfPoints(
      pointsOf([
        aBackup("b9", "2026-11-01T00:00:00Z", { volumeId: "v8", userId: "user-tenant", projectId: "p8" }),
        aBackup("b8", "2026-11-01T00:00:00Z", { volumeId: "v9", marks: { [automatedMark]: undefined } }),
        aBackup("b7", "2026-11-01T00:00:00Z", { userId: "user-tenant", metadata: {} }),
        aBackup("b1", "2026-11-02T00:00:00Z", { marks: { [mark.key]: "k" } }),
        aBackup("b2", "2026-11-01T00:00:00Z", { marks: { [mark.key]: "k" } }),
        anIncremental("b3", "2026-11-03T00:00:00Z", "b1", { marks: { [mark.key]: "k" } }),
        aBackup("b4", "2026-11-03T00:00:00Z"),
        aBackup("b5", "2026-11-03T00:00:00Z"),
        aBackup("b6", "2026-11-03T00:00:00Z", { volumeId: "v2", marks: { [mark.key]: "k" } }),
      ]).values(),
    );
    assert.deepEqual(notices, [
      { reason: "duplicate", projectId: "p1", resourceId: "b1", message: "has the key k of b2" },
      { reason: "duplicate", projectId: "p1", resourceId: "b3", message: "has the key k of b2" },
      { reason: "unmarked", projectId: "p1", resourceId: "b8", message: "backup of volume v9" },
      { reason: "forged", projectId: "p8", resourceId: "b9", message: "backup of volume v8" },
    ]);
  });

  it("orders notices of one resource by reason", () => {
    const metadata = { backup: "yes", backup_retention: "1h" };
    assert.deepEqual(
      plan({ servers: [aServer("s1", { metadata })] }).notices.map((n) => n.reason),
      ["request_bounded", "request_waits"],
    );
  });
});
