import { describe, expect, it } from "vitest";
import type { EventRow, OtherBody } from "../api/types";
import { ofEvent, ofRepeat, own } from "./told";

const event = { id: "e", type: "ACTOR.RUN.SUCCEEDED", content_type: "application/json", received_at: "2026-11-23T10:00:00Z" } as EventRow;
const other: OtherBody = { receipt_id: "r", received_at: "2026-11-23T10:01:00Z", dispatch_id: "DtGy4pXcKbYw1ZqRs", content_type: "text/html", body_bytes: 3 };

describe("a body that was told", () => {
  it("is the event's own", () => expect(own(event)).toMatchObject({ url: "/api/v1/events/e/body", file: "e.json", title: expect.stringMatching(/^The event's own, /) }));
  it("is named by its event's type beside other events", () => expect(ofEvent(event)).toMatchObject({ url: "/api/v1/events/e/body", title: expect.stringMatching(/^RUN.SUCCEEDED, /) }));
  it("is a repeat's, named by its dispatch", () =>
    expect(ofRepeat(event, other)).toMatchObject({ url: "/api/v1/events/e/other-bodies/r", file: "r.bin", title: expect.stringMatching(/^Dispatch DtGy/) }));
  it("is a repeat's that gave no dispatch", () => {
    const { dispatch_id: _, ...nameless } = other;
    expect(ofRepeat(event, nameless).title).toMatch(/^A repeat, /);
  });
});
