/** Server-sent events over fetch: unlike EventSource it can carry a credential and be stopped. */
import { ApiError, request } from "./http";

export interface ServerEvent {
  event: string;
  data: string;
  id: string;
}

/** Cuts a stream's text into events. Feed it pieces of any length. */
export class EventCutter {
  private rest = "";

  feed(piece: string): ServerEvent[] {
    const blocks = (this.rest + piece).replaceAll("\r\n", "\n").split("\n\n");
    this.rest = blocks.pop() ?? "";
    return blocks.map(read).filter((e) => e !== null);
  }
}

function read(block: string): ServerEvent | null {
  const event: ServerEvent = { event: "message", data: "", id: "" };
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const at = line.indexOf(":");
    if (at === 0) continue; // a comment, to keep the connection open
    const name = at < 0 ? line : line.slice(0, at);
    const value = at < 0 ? "" : line.slice(at + 1).replace(/^ /, "");
    if (name === "data") data.push(value);
    else if (name === "event") event.event = value;
    else if (name === "id") event.id = value;
  }
  if (data.length === 0) return null;
  event.data = data.join("\n");
  return event;
}

export interface StreamHandlers {
  onOpen(): void;
  onEvent(e: ServerEvent): void;
  /** The stream has ended and is opened again after so many milliseconds. */
  onLost(why: string, again: number): void;
}

/** Longest wait before a lost stream is opened again. */
const longestWait = 15_000;

/** Follows a stream until the signal ends it, and opens it again when it breaks. url is asked for each time. */
export async function follow(url: () => string, handlers: StreamHandlers, signal: AbortSignal): Promise<void> {
  for (let failures = 0; !signal.aborted; failures++) {
    let why = "The gateway has closed the stream.";
    try {
      await once(url(), handlers, signal, () => (failures = 0));
    } catch (cause) {
      if (signal.aborted) return;
      if (cause instanceof ApiError && [401, 403, 404, 422].includes(cause.status)) throw cause;
      why = cause instanceof ApiError ? cause.message : "The connection to the gateway is lost.";
    }
    const wait = Math.min(longestWait, 500 * 2 ** failures);
    handlers.onLost(why, wait);
    await pause(wait, signal);
  }
}

async function once(url: string, handlers: StreamHandlers, signal: AbortSignal, opened: () => void): Promise<void> {
  const answer = await request(url, { signal, headers: { Accept: "text/event-stream" } });
  if (!answer.body) return;
  opened();
  handlers.onOpen();
  const cutter = new EventCutter();
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    for (const event of cutter.feed(value)) handlers.onEvent(event);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
