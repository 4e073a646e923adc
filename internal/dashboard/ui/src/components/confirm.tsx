/** Asks before something is done, with the reason that the audit keeps where one is wanted. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Dialog } from "./dialog";

interface Props {
  title: string;
  action: string;
  danger?: boolean;
  /** Ask for a reason: it goes into the audit. */
  reason?: boolean;
  disabled?: boolean;
  onConfirm(reason: string): Promise<void>;
  onClose(): void;
  children?: ComponentChildren;
}

export function Confirm({ title, action, danger = false, reason = false, disabled = false, onConfirm, onClose, children }: Props) {
  const [text, setText] = useState("");
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const submit = async (e: Event): Promise<void> => {
    e.preventDefault();
    setBusy(true);
    setError("");
    try {
      await onConfirm(text.trim());
      onClose();
    } catch (cause) {
      setError(cause instanceof Error ? cause.message : String(cause));
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="stack" onSubmit={submit}>
        {children}
        {reason && (
          <label class="field">
            <span>Reason, for the audit</span>
            <input class="input" value={text} maxLength={500} required ref={field} onInput={(e) => setText(e.currentTarget.value)} placeholder="Receiver fixed" />
          </label>
        )}
        {error !== "" && (
          <div class="banner red" role="alert">
            <p>{error}</p>
          </div>
        )}
        <div class="end">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class={`button ${danger ? "danger" : "primary"}`} disabled={busy || disabled || (reason && text.trim() === "")}>
            {busy ? "Working…" : action}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
