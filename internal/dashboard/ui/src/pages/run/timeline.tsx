import { useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import type { Timeline } from "../../api/types";
import { eventType, plural, shortID } from "../../lib/format";
import { duration } from "../../lib/time";
import type { Entry } from "../../lib/timeline";
import { Badge, tone } from "../../components/badge";
import { Icon } from "../../components/icon";
import { Moment } from "../../components/moment";
import { Banner } from "../../components/states";
import { Waits } from "../../components/waits";
import { EventDetail } from "./event";

interface Props {
  timeline: Timeline;
  entries: Entry[];
}

export function TimelineView({ timeline, entries }: Props) {
  const [repeats, setRepeats] = useState(true);
  const [open, setOpen] = useState<string | null>(null);
  const shown = repeats ? entries : entries.filter((e) => e.kind !== "repeat");
  const toggle = (id: string): void => setOpen(open === id ? null : id);
  return (
    <section class="panel" aria-label="Timeline">
      <div class="head">
        <h2>Timeline</h2>
        <label class="row small">
          <input type="checkbox" checked={repeats} onChange={(e) => setRepeats(e.currentTarget.checked)} />
          Duplicates
        </label>
      </div>
      {(timeline.events_cut || timeline.receipts_cut) && (
        <div class="inner">
          <Banner tone="blue">
            <p>There is more than is listed: only the first {timeline.events_cut ? plural(timeline.events.length, "event") : plural(timeline.receipts.length, "receipt")} are here.</p>
          </Banner>
        </div>
      )}
      <ol class="timeline">
        {shown.map((entry, i) => (
          <Row key={entry.id} entry={entry} before={shown[i - 1]} timeline={timeline} open={open === entry.id} toggle={() => toggle(entry.id)} />
        ))}
      </ol>
    </section>
  );
}

interface RowProps {
  entry: Entry;
  before: Entry | undefined;
  timeline: Timeline;
  open: boolean;
  toggle: () => void;
}

function Row({ entry, before, timeline, open, toggle }: RowProps) {
  const gap = before ? entry.at - before.at : 0;
  switch (entry.kind) {
    case "event":
      return (
        <Node at={entry.event.received_at} gap={gap} tone={tone(lastWord(entry.event.type))} big>
          <button type="button" class="event" aria-expanded={open} onClick={toggle}>
            <Icon name={open ? "down" : "right"} size={12} />
            <strong>{eventType(entry.event.type)}</strong>
            <Badge of={entry.event.outcome} />
            {entry.generation > 0 && <span class="badge plain blue">life {entry.generation + 1}</span>}
            {entry.event.hits > 0 && <span class="badge plain violet">{plural(entry.event.hits, "duplicate")}</span>}
            {entry.event.other_bodies > 0 && <span class="badge plain">{plural(entry.event.other_bodies + 1, "body", "bodies")}</span>}
            <span class="muted small">{entry.event.seq > 0 && `seq ${entry.event.seq}`}</span>
          </button>
          {open && <EventDetail event={entry.event} receipt={entry.receipt} others={timeline.events} />}
        </Node>
      );
    case "repeat":
      return (
        <Node at={entry.receipt.received_at} gap={gap} tone="violet">
          <span class="row">
            <Badge of="duplicate" />
            <span>
              of {eventType(entry.receipt.type ?? entry.event?.type)}
              {entry.receipt.lag_ms !== undefined && <>, {duration(entry.receipt.lag_ms)} after it</>}
            </span>
            <span class="muted">
              {repeatText(entry.receipt.repeat)} · {caughtText(entry.receipt.reason)}
              {entry.receipt.dispatch_id && (
                <>
                  {" "}
                  · dispatch <span class="mono" title={entry.receipt.dispatch_id}>{shortID(entry.receipt.dispatch_id)}</span>
                </>
              )}
            </span>
            {entry.receipt.degraded && <span class="badge plain amber">Redis left out</span>}
          </span>
        </Node>
      );
    case "receipt":
      return (
        <Node at={entry.receipt.received_at} gap={gap} tone={tone(entry.receipt.outcome)}>
          <span class="row">
            <Badge of={entry.receipt.outcome} />
            {eventType(entry.receipt.type)}
          </span>
        </Node>
      );
    case "delivery":
      return (
        <Node at={entry.delivery.created_at} gap={gap} tone={tone(entry.delivery.state)}>
          <span class="row">
            <Badge of={entry.delivery.state} />
            <span>
              to <a href={`/deliveries/${entry.delivery.id}`}>{entry.delivery.destination}</a>
            </span>
            <span class="muted">{eventType(entry.delivery.event_type)}</span>
            {entry.delivery.replay > 0 && <span class="muted">replay {entry.delivery.replay}</span>}
            <Waits delivery={entry.delivery} />
          </span>
        </Node>
      );
    case "attempt":
      return (
        <Node at={entry.attempt.started_at} gap={gap} tone={good(entry.attempt.status) ? "green" : "red"}>
          <span class="row">
            <span class={`badge ${good(entry.attempt.status) ? "green" : "red"}`}>{entry.attempt.status ? entry.attempt.status : "no answer"}</span>
            <span>
              attempt {entry.attempt.number} to <a href={`/deliveries/${entry.delivery.id}`}>{entry.delivery.destination}</a>
            </span>
            <span class="muted">
              {eventType(entry.delivery.event_type)} · {duration(entry.attempt.took_ms)}
              {entry.delivery.replay > 0 && ` · replay ${entry.delivery.replay}`}
            </span>
            {entry.attempt.error && <span class="muted">{entry.attempt.error}</span>}
          </span>
        </Node>
      );
  }
}

const good = (status: number | undefined): boolean => status !== undefined && status >= 200 && status < 300;

function lastWord(type: string): string {
  return type.slice(type.lastIndexOf(".") + 1);
}

function caughtText(reason: string): string {
  if (reason === "window_hit") return "caught by Redis";
  if (reason === "race_lost") return "in flight with it, caught by the database";
  return "caught by the database only";
}

function repeatText(repeat: string | undefined): string {
  if (repeat === "retry") return "the same dispatch again";
  if (repeat === "twin") return "from another webhook";
  return "no dispatch id";
}

interface NodeProps {
  at: string;
  gap: number;
  tone: string;
  big?: boolean;
  children: ComponentChildren;
}

/** Gaps from a minute on are said, so that nobody has to subtract. */
const worthSaying = 60_000;

function Node({ at, gap, tone: color, big = false, children }: NodeProps) {
  return (
    <>
      {gap >= worthSaying && (
        <li class="gap" aria-hidden="true">
          {duration(gap)} later
        </li>
      )}
      <li class={big ? "big" : ""}>
        <span class="when">
          <Moment at={at} />
        </span>
        <span class={`dot swatch ${color}`} aria-hidden="true" />
        <div class="what">{children}</div>
      </li>
    </>
  );
}
