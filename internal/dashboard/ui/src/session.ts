/**
 * Who is signed in. The only module that knows how: the gateway keeps the session in a cookie that no script can read, and
 * pages and requests ask here.
 */
import { computed, signal } from "@preact/signals";

export interface Caller {
  name: string;
  role: "read" | "operate" | "admin";
  ends_at: string | null;
}

/** asking: not known yet. out: nobody is signed in. away: the gateway does not answer. */
export const caller = signal<Caller | "asking" | "out" | "away">("asking");

export const signedIn = computed(() => typeof caller.value === "object");

/** The caller may change things; who may only read is not shown the buttons. */
export const mayChange = computed(() => typeof caller.value === "object" && caller.value.role !== "read");

const address = "/api/v1/session";

/** What every request needs to be the caller's. */
export function authorized(init: RequestInit = {}): RequestInit {
  return { ...init, credentials: "same-origin" };
}

/** Finds out whether the browser has a session, after the page was loaded. */
export async function restore(): Promise<void> {
  try {
    const answer = await fetch(address, authorized({ cache: "no-store" }));
    if (answer.ok) caller.value = (await answer.json()) as Caller;
    else caller.value = answer.status === 401 ? "out" : "away";
  } catch {
    caller.value = "away";
  }
}

/** Shows a token to the gateway, which begins a session. Errors are texts for the person who typed it. */
export async function signIn(typed: string): Promise<void> {
  const token = typed.trim();
  if (token === "") throw new Error("Paste a token.");
  let answer: Response;
  try {
    answer = await fetch(
      address,
      authorized({ method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token }), cache: "no-store" }),
    );
  } catch {
    throw new Error("The gateway does not answer. Is it running, and is this its admin address?");
  }
  if (answer.ok) {
    caller.value = (await answer.json()) as Caller;
    return;
  }
  throw new Error(await reason(answer));
}

async function reason(answer: Response): Promise<string> {
  if (answer.status === 401) return "The gateway does not know this token.";
  if (answer.status === 429) {
    const wait = Number(answer.headers.get("Retry-After"));
    return `Too many wrong tokens came from your address. Wait ${wait > 0 ? `${wait} seconds` : "a minute"}.`;
  }
  try {
    const said = (await answer.json()) as { detail?: string };
    if (said.detail) return said.detail;
  } catch {
    // Not the gateway's own answer.
  }
  return `The gateway answered ${answer.status}.`;
}

export async function signOut(): Promise<void> {
  caller.value = "out";
  try {
    await fetch(address, authorized({ method: "DELETE" }));
  } catch {
    // The session ends by itself.
  }
}

/** The gateway has refused a request: the session is over, or its token was taken out of the configuration. */
export function refused(): void {
  caller.value = "out";
}
