import { useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { Icon } from "./icon";
import { toast } from "../state/toasts";

/** Copies a text; where the browser forbids it (no HTTPS) it selects nothing and says so. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** The old way, which also works without HTTPS. */
function copyBySelection(text: string): boolean {
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "unseen";
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  return copied;
}

interface Props {
  text: string | (() => string | Promise<string>);
  label: string;
  class?: string;
  children?: ComponentChildren;
}

export function CopyButton({ text, label, class: extra = "", children }: Props) {
  const [done, setDone] = useState(false);
  const copy = async (): Promise<void> => {
    try {
      if (!(await copyText(typeof text === "string" ? text : await text()))) {
        throw new Error("The browser does not allow copying here. Select the text and copy it by hand.");
      }
      setDone(true);
      setTimeout(() => setDone(false), 1600);
    } catch (cause) {
      toast("bad", cause instanceof Error ? cause.message : String(cause));
    }
  };
  return (
    <button type="button" class={`button ${children ? "" : "icon bare small"} ${extra}`} onClick={copy} title={label} aria-label={children ? undefined : label}>
      <Icon name={done ? "check" : "copy"} size={14} />
      {children}
      <span class="unseen" role="status">
        {done ? "Copied" : ""}
      </span>
    </button>
  );
}

/** An id or another text in monospace with a button that copies it. */
export function Copyable({ text, shown = text }: { text: string; shown?: string }) {
  return (
    <span class="copyable">
      <span class="mono ellipsis" title={text}>
        {shown}
      </span>
      <CopyButton text={text} label={`Copy ${text}`} />
    </span>
  );
}
