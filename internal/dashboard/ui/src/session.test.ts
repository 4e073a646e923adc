// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { caller, mayChange, restore, signedIn, signIn, signOut } from "./session";

const answer = (status: number, body: unknown, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(body), { status, headers });

describe("a session", () => {
  const fetched = vi.fn<typeof fetch>();
  beforeEach(() => {
    vi.stubGlobal("fetch", fetched.mockReset());
    caller.value = "out";
  });
  afterEach(() => vi.unstubAllGlobals());

  it("begins with a token that is then forgotten", async () => {
    fetched.mockResolvedValue(answer(200, { name: "ops", role: "read", ends_at: null }));
    await signIn("  secret-token \n");
    expect(fetched.mock.calls[0]?.[1]?.body).toBe('{"token":"secret-token"}');
    expect(signedIn.value).toBe(true);
    expect(mayChange.value).toBe(false);
    expect(JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie).not.toContain("secret-token");
  });
  it.each([
    [401, {}, /does not know/],
    [429, { "Retry-After": "42" }, /Wait 42 seconds/],
    [500, {}, /500/],
  ])("is refused with %d", async (status, headers, says) => {
    fetched.mockResolvedValue(answer(status, {}, headers));
    await expect(signIn("x")).rejects.toThrow(says);
    expect(signedIn.value).toBe(false);
  });
  it("is found again after a reload", async () => {
    fetched.mockResolvedValue(answer(200, { name: "ops", role: "admin", ends_at: null }));
    await restore();
    expect(signedIn.value && mayChange.value).toBe(true);
  });
  it("is not confused with a gateway that is away", async () => {
    fetched.mockRejectedValue(new TypeError("network"));
    await restore();
    expect(caller.value).toBe("away");
    fetched.mockResolvedValue(answer(401, {}));
    await restore();
    expect(caller.value).toBe("out");
  });
  it("ends even when the gateway is away", async () => {
    fetched.mockRejectedValue(new TypeError("network"));
    await signOut();
    expect(caller.value).toBe("out");
  });
});
