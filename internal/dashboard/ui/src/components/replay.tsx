/** Sends events to their destinations once more: counts first, asks for a reason, then does it. */
import { useState } from "preact/hooks";
import { address, postJSON } from "../api/http";
import type { Changed } from "../api/types";
import { plural } from "../lib/format";
import { heldInstead } from "../lib/held";
import { useDestinationNames } from "../state/destinations";
import { toast } from "../state/toasts";
import { Confirm } from "./confirm";
import { useCount } from "./counted";

export interface ReplaySelection {
  event_ids?: string[];
  run_id?: string;
  source?: string;
}

interface Props {
  title: string;
  selection: ReplaySelection;
  onDone(): void;
  onClose(): void;
}

export function ReplayDialog({ title, selection, onDone, onClose }: Props) {
  const [destination, setDestination] = useState("");
  const names = useDestinationNames();
  const body = { ...selection, ...(destination === "" ? {} : { destination }) };
  const counted = useCount("/replay", body);
  const go = async (reason: string): Promise<void> => {
    const done = await postJSON<Changed>(address("/replay"), { ...body, reason });
    toast("good", `${plural(done.deliveries, "delivery", "deliveries")} made.${heldInstead(done)}`);
    onDone();
  };
  return (
    <Confirm title={title} action="Replay" reason disabled={!counted.data || counted.data.deliveries === 0} onConfirm={go} onClose={onClose}>
      <p>The events go to your application again, as new deliveries with the same webhook-id. Nothing is sent to Apify.</p>
      {names.length > 0 && (
        <label class="field">
          <span>Destination</span>
          <select class="input" value={destination} onChange={(e) => setDestination(e.currentTarget.value)}>
            <option value="">Wherever they would go now</option>
            {names.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
      )}
      <p role="status" class={counted.error ? "" : "muted"}>
        {counted.error ? counted.error : counted.data ? says(counted.data) : "Counting…"}
      </p>
    </Confirm>
  );
}

function says(c: Changed): string {
  if (c.deliveries === 0) return "Nothing would be sent: no destination wants these events, or their bodies are not kept any more.";
  const purged = c.purged ? ` ${plural(c.purged, "event")} without a body ${c.purged === 1 ? "is" : "are"} left out.` : "";
  return `${plural(c.deliveries, "delivery", "deliveries")} of ${plural(c.events ?? 0, "event")} would be made.${purged}`;
}
