/** What holds up a delivery whose attempt is due, in the words that the command line uses too. */
import type { Delivery } from "../api/types";
import { Moment } from "./moment";

const texts: Record<NonNullable<Delivery["waits_for"]>, { text: string; why: string }> = {
  breaker: { text: "the breaker", why: "The destination has failed again and again: one attempt is made now and then, the others wait and lose none." },
  earlier: { text: "an earlier event of its run", why: "The destination is ordered: the events of a run go out one after the other." },
  resume: { text: "its paused destination", why: "An operator has paused the destination, for all replicas." },
  configuration: { text: "its destination", why: "The destination is not in the configuration any more: put it back, or cancel what waits for it." },
};

/** narrow: for a place that shows it only where a column of its own has no room. */
export function Waits({ delivery, narrow = false }: { delivery: Pick<Delivery, "waits_for">; narrow?: boolean }) {
  const waits = delivery.waits_for && texts[delivery.waits_for];
  if (!waits) return null;
  return (
    <span class={`waits muted${narrow ? " narrow small" : ""}`} title={waits.why}>
      waits for {waits.text}
    </span>
  );
}

/** When a delivery is attempted next, or what that waits for. */
export function NextAttempt({ delivery: d }: { delivery: Delivery }) {
  if (d.waits_for) return <Waits delivery={d} />;
  return d.next_attempt_at ? <Moment at={d.next_attempt_at} as="ago" /> : <span class="muted">–</span>;
}
