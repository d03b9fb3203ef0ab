import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { clockTrusted, scanShrank, type ClockEvidence, type ScanSize } from "./trust.ts";

const at = (text: string): Date => new Date(`2026-11-21T${text}Z`);

const sound: ClockEvidence = {
  previous: { wall: at("01:00:00"), monotonicMs: 5_000_000 },
  wall: at("02:00:00"),
  monotonicMs: 8_600_000,
  newestRow: at("01:30:00"),
  serviceDate: at("02:00:01"),
};

describe("clockTrusted", () => {
  const cases: { name: string; evidence: Partial<ClockEvidence>; message: string | null }[] = [
    { name: "everything agrees", evidence: {}, message: null },
    {
      name: "a process's first reading of an empty database",
      evidence: { previous: null, newestRow: null },
      message: null,
    },
    { name: "two minutes further than the monotonic clock", evidence: { monotonicMs: 8_480_000 }, message: null },
    { name: "two minutes behind the monotonic clock", evidence: { monotonicMs: 8_720_000 }, message: null },
    { name: "a jump forward", evidence: { monotonicMs: 8_479_000 }, message: "the clock jumped by 121 s" },
    { name: "a jump back", evidence: { monotonicMs: 8_721_000 }, message: "the clock jumped by -121 s" },
    {
      name: "a monotonic clock without a number",
      evidence: { monotonicMs: NaN },
      message: "the clock jumped by NaN s",
    },
    { name: "the newest row is of this instant", evidence: { newestRow: at("02:00:00") }, message: null },
    {
      name: "a row from the future",
      evidence: { newestRow: at("02:00:30") },
      message: "the clock is 30 s before the newest row",
    },
    {
      name: "a row without a time",
      evidence: { newestRow: new Date(NaN) },
      message: "the clock is NaN s before the newest row",
    },
    { name: "five minutes ahead of Cinder", evidence: { serviceDate: at("01:55:00") }, message: null },
    { name: "five minutes behind Cinder", evidence: { serviceDate: at("02:05:00") }, message: null },
    {
      name: "more than five minutes ahead of Cinder",
      evidence: { serviceDate: at("01:54:59") },
      message: "the clock is 301 s off Cinder's",
    },
    {
      name: "more than five minutes behind Cinder",
      evidence: { serviceDate: at("02:05:01") },
      message: "the clock is -301 s off Cinder's",
    },
    {
      name: "Cinder's time cannot be read",
      evidence: { serviceDate: new Date(NaN) },
      message: "the clock is NaN s off Cinder's",
    },
    {
      name: "no Date in Cinder's answers",
      evidence: { serviceDate: null },
      message: "Cinder's answers carry no Date to compare the clock with",
    },
    { name: "no time at all", evidence: { wall: new Date(NaN) }, message: "the clock shows no valid time" },
  ];
  for (const { name, evidence, message } of cases) {
    it(name, () => {
      assert.deepEqual(clockTrusted({ ...sound, ...evidence }), { trusted: message === null, message });
    });
  }
});

describe("scanShrank", () => {
  const before: ScanSize = { servers: 10, volumes: 50 };
  const cases: { name: string; now: ScanSize; lastGood: ScanSize | null; shrank: boolean }[] = [
    { name: "the same", now: before, lastGood: before, shrank: false },
    { name: "no scan before", now: { servers: 0, volumes: 0 }, lastGood: null, shrank: false },
    { name: "a fifth less", now: { servers: 8, volumes: 40 }, lastGood: before, shrank: false },
    { name: "more than a fifth of the servers gone", now: { servers: 7, volumes: 50 }, lastGood: before, shrank: true },
    {
      name: "more than a fifth of the volumes gone",
      now: { servers: 10, volumes: 39 },
      lastGood: before,
      shrank: true,
    },
    { name: "growth", now: { servers: 100, volumes: 500 }, lastGood: before, shrank: false },
    {
      name: "an empty cloud that stays empty",
      now: { servers: 0, volumes: 0 },
      lastGood: { servers: 0, volumes: 0 },
      shrank: false,
    },
  ];
  for (const { name, now, lastGood, shrank } of cases) {
    it(name, () => assert.equal(scanShrank({ ...now, lastGood }), shrank));
  }
});
