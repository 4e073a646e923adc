import { describe, expect, it } from "vitest";
import { EventCutter } from "./stream";

const text = ': heartbeat\n\nevent: sampled\ndata: {"shown":1}\n\nid: 7\r\nevent: receipts\r\ndata: {"items":\r\ndata: []}\r\n\r\ndata: last\n\n';

describe("a stream", () => {
  it("is cut the same whatever the pieces", () => {
    const whole = new EventCutter().feed(text);
    expect(whole).toEqual([
      { event: "sampled", data: '{"shown":1}', id: "" },
      { event: "receipts", data: '{"items":\n[]}', id: "7" },
      { event: "message", data: "last", id: "" },
    ]);
    for (let size = 1; size < 20; size++) {
      const cutter = new EventCutter();
      const got = [];
      for (let at = 0; at < text.length; at += size) got.push(...cutter.feed(text.slice(at, at + size)));
      expect(got).toEqual(whole);
    }
  });
  it("keeps an unfinished event back", () => {
    const cutter = new EventCutter();
    expect(cutter.feed("data: a\n")).toEqual([]);
    expect(cutter.feed("\n")).toHaveLength(1);
  });
});
