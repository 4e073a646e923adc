import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { curl, quoted } from "./curl";

describe("a shell", () => {
  it.each(["plain", "with space", "it's", "$HOME `id` $(id)", 'a"b', "\\", "new\nline", "; rm -rf /", "!history", "ünï 🙂", "-n", ""])(
    "gets %j back",
    (word) => {
      const got = execFileSync("/bin/sh", ["-c", `printf %s ${quoted(word)}`], { encoding: "utf8" });
      // printf reads no option after its format
      expect(got).toBe(word);
    },
  );
});

describe("a curl line", () => {
  it("quotes what it has to", () => {
    expect(curl({ url: "http://gw/webhooks/apify", headers: [["Authorization", "Bearer <token>"]], body: "{\"a\":\"it's\"}" })).toBe(
      `curl -sS -X POST -H 'Authorization: Bearer <token>' --data-raw '{"a":"it'\\''s"}' http://gw/webhooks/apify`,
    );
  });
});
