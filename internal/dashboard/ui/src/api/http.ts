/** Requests to /api/v1. A problem (RFC 9457) becomes an {@link ApiError} whose message an operator can read. */
import { authorized, refused } from "../session";

export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number, // 0: no answer
    readonly requestID: string,
  ) {
    super(message);
  }
}

export type Params = Record<string, string | number | boolean | null | undefined>;

/** A path of the API with its parameters; empty ones are left out. */
export function address(path: string, params: Params = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== null && value !== undefined && value !== "") query.set(name, String(value));
  }
  const text = query.toString();
  return `/api/v1${path}${text === "" ? "" : `?${text}`}`;
}

export async function request(url: string, init: RequestInit = {}): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(url, authorized({ cache: "no-store", ...init }));
  } catch (cause) {
    if (init.signal?.aborted) throw cause;
    throw new ApiError("The gateway does not answer. It may be restarting, or the network is down.", 0, "");
  }
  if (answer.status === 401) refused();
  if (!answer.ok) throw await problem(answer);
  return answer;
}

export async function getJSON<T>(url: string, signal?: AbortSignal): Promise<T> {
  const answer = await request(url, signal ? { signal } : {});
  return (await answer.json()) as T;
}

export async function postJSON<T>(url: string, body: unknown, method = "POST"): Promise<T> {
  const answer = await request(url, {
    method,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body ?? {}),
  });
  const text = await answer.text();
  return (text === "" ? {} : JSON.parse(text)) as T;
}

async function problem(answer: Response): Promise<ApiError> {
  const id = answer.headers.get("X-Request-Id") ?? "";
  const fallback = `The gateway answered ${answer.status} ${answer.statusText}`.trim();
  try {
    const said = (await answer.json()) as {
      detail?: string;
      title?: string;
      errors?: { location?: string; message?: string }[];
    };
    const details = (said.errors ?? []).map((e) => [e.location, e.message].filter(Boolean).join(": "));
    const text = [said.detail ?? said.title ?? fallback, ...details].join("\n");
    return new ApiError(text, answer.status, id);
  } catch {
    return new ApiError(fallback, answer.status, id);
  }
}

export interface Bytes {
  bytes: Uint8Array;
  contentType: string;
}

/** A stored body, byte for byte. Its type is what the sender claimed: for reading, never for showing it as. */
export async function getBytes(url: string, signal?: AbortSignal): Promise<Bytes> {
  const answer = await request(url, signal ? { signal } : {});
  return {
    bytes: new Uint8Array(await answer.arrayBuffer()),
    contentType: answer.headers.get("X-Sent-Content-Type") ?? "",
  };
}
