/** A change of many deliveries: counted first, with a reason, and no more than was counted. */
import type { ComponentChildren } from "preact";
import { address, postJSON } from "../api/http";
import type { Changed } from "../api/types";
import { plural } from "../lib/format";
import { heldInstead } from "../lib/held";
import { toast } from "../state/toasts";
import { Confirm } from "./confirm";
import { useCount } from "./counted";

interface Props {
  title: string;
  action: string;
  path: string;
  selection: Record<string, unknown>;
  /** Past tense, for the message afterwards: retried. */
  done: string;
  danger?: boolean;
  onDone(): void;
  onClose(): void;
  children?: ComponentChildren;
}

/** The most that one change may touch. */
const most = 100_000;

export function ChangeDialog({ title, action, path, selection, done, danger = false, onDone, onClose, children }: Props) {
  const counted = useCount(path, { ...selection, max: most });
  const n = counted.data?.deliveries ?? 0;
  const go = async (reason: string): Promise<void> => {
    const said = await postJSON<Changed>(address(path), { ...selection, reason, max: Math.min(most, n + Math.ceil(n / 10) + 10) });
    toast("good", `${plural(said.deliveries, "delivery", "deliveries")} ${done}.${heldInstead(said)}`);
    onDone();
  };
  return (
    <Confirm title={title} action={counted.data ? `${action} ${n.toLocaleString("en-US")}` : action} reason danger={danger} disabled={n === 0} onConfirm={go} onClose={onClose}>
      {children}
      <p role="status">
        {counted.error !== ""
          ? counted.error
          : !counted.data
            ? "Counting…"
            : n === 0
              ? "Nothing is selected any more: the deliveries have moved on."
              : `${plural(n, "delivery", "deliveries")} would be ${done}.${heldInstead(counted.data)}`}
      </p>
    </Confirm>
  );
}
