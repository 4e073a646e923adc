/** Bodies as text: laid out and coloured when they are JSON, cut when they are huge, never markup. */
import { useMemo, useState } from "preact/hooks";
import { bytes, visible } from "../lib/format";
import { pieces, pretty } from "../lib/json";
import { CopyButton } from "./copy";
import { Icon } from "./icon";

/** What is shown of a body at most; the rest is in the download. */
export const shownLimit = 200_000;

export interface Payload {
  bytes: Uint8Array;
  contentType: string;
}

/** Text of a body, when it is one. */
export function textOf(body: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    return null;
  }
}

export function hexdump(body: Uint8Array, most = 4096): string {
  const lines: string[] = [];
  for (let at = 0; at < Math.min(body.length, most); at += 16) {
    const row = [...body.subarray(at, Math.min(at + 16, most))];
    const hex = row.map((b) => b.toString(16).padStart(2, "0")).join(" ");
    const text = row.map((b) => (b >= 32 && b < 127 ? String.fromCharCode(b) : ".")).join("");
    lines.push(`${at.toString(16).padStart(6, "0")}  ${hex.padEnd(47)}  ${text}`);
  }
  return lines.join("\n");
}

/** Saves bytes as a file that no browser opens as a page. */
export function download(name: string, body: Uint8Array): void {
  const url = URL.createObjectURL(new Blob([body as BlobPart], { type: "application/octet-stream" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export function Code({ text, wrap = false, label, json = false, copy = true }: { text: string; wrap?: boolean; label: string; json?: boolean; copy?: boolean }) {
  const parts = useMemo(() => (json ? pieces(text) : null), [text, json]);
  return (
    <div class={`code${wrap ? " wrap" : ""}`}>
      <pre tabIndex={0} role="group" aria-label={label}>
        {parts ? parts.map((p, i) => (p.kind === "mark" ? p.text : <span key={i} class={`j-${p.kind}`}>{p.text}</span>)) : text}
      </pre>
      {copy && <CopyButton text={text} label={`Copy ${label}`} class="copy" />}
    </div>
  );
}

export function PayloadView({ payload, name }: { payload: Payload; name: string }) {
  const [raw, setRaw] = useState(false);
  const text = useMemo(() => textOf(payload.bytes), [payload]);
  const laidOut = useMemo(() => (text === null ? null : pretty(text)), [text]);
  const asJSON = laidOut !== null && !raw;
  const full = text === null ? hexdump(payload.bytes) : asJSON ? laidOut : text;
  const cut = full.length > shownLimit;
  return (
    <div class="stack" style={{ gap: "8px" }}>
      <div class="row small muted">
        <span>
          {bytes(payload.bytes.length)} · {payload.contentType || "no content type"}
          {text === null && " · not text, shown as bytes"}
          {cut && ` · first ${bytes(shownLimit)} shown`}
        </span>
        <span class="grow" />
        {laidOut !== null && (
          <button type="button" class="button small" aria-pressed={raw} onClick={() => setRaw(!raw)}>
            {raw ? "Lay out" : "As received"}
          </button>
        )}
        <button type="button" class="button small" onClick={() => download(name, payload.bytes)}>
          <Icon name="download" size={13} />
          Download
        </button>
      </div>
      <Code text={visible(cut ? full.slice(0, shownLimit) : full)} json={asJSON && !cut} wrap={!asJSON && text !== null} label="body" />
    </div>
  );
}
