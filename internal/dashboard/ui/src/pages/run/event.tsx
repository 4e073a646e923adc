import { useState } from "preact/hooks";
import { getBytes } from "../../api/http";
import type { EventRow, Receipt } from "../../api/types";
import { curl } from "../../lib/curl";
import { bytes, eventType, plural } from "../../lib/format";
import { ownURL } from "../../lib/told";
import { status } from "../../state/status";
import { Badge } from "../../components/badge";
import { Copyable, CopyButton } from "../../components/copy";
import { Headers, headerPairs } from "../../components/headers";
import { Moment } from "../../components/moment";
import { Operators } from "../../components/operators";
import { textOf } from "../../components/payload";
import { ReplayDialog } from "../../components/replay";
import { Icon } from "../../components/icon";
import { Bodies, Compare } from "./bodies";

type Tab = "body" | "headers" | "compare";

interface Props {
  event: EventRow;
  receipt: Receipt | undefined;
  others: EventRow[];
}

export function EventDetail({ event, receipt, others }: Props) {
  const [tab, setTab] = useState<Tab>("body");
  const [replaying, setReplaying] = useState(false);
  const rest = others.filter((e) => e.id !== event.id && !e.body_purged);
  const comparable = !event.body_purged && event.other_bodies + rest.length > 0;
  return (
    <div class="event-detail stack">
      <dl class="facts">
        <dt>Event</dt>
        <dd>
          <Copyable text={event.id} />
        </dd>
        <dt>Key</dt>
        <dd>
          <Copyable text={event.key} />
        </dd>
        {event.generation && (
          <>
            <dt>Generation</dt>
            <dd class="mono">{event.generation}</dd>
          </>
        )}
        {event.dispatch_id && (
          <>
            <dt>Dispatch</dt>
            <dd>
              <Copyable text={event.dispatch_id} />
            </dd>
          </>
        )}
        {event.doubt && (
          <>
            <dt>Verified</dt>
            <dd>
              {event.doubt === "unverified" ? (
                <>
                  <Badge of="unverified" /> <span class="muted">Apify does not confirm it: look at the body before you release it</span>
                </>
              ) : (
                <span class="muted">not yet: Apify is asked</span>
              )}
            </dd>
          </>
        )}
        {event.occurred_at && (
          <>
            <dt>Occurred</dt>
            <dd>
              <Moment at={event.occurred_at} /> <span class="muted">as the sender says</span>
            </dd>
          </>
        )}
        {receipt?.remote_ip && (
          <>
            <dt>From</dt>
            <dd class="mono">{receipt.remote_ip}</dd>
          </>
        )}
      </dl>
      <div class="row">
        <div class="joined" role="group" aria-label="Show">
          {(["body", "headers", ...(comparable ? ["compare" as const] : [])] as Tab[]).map((t) => (
            <button key={t} type="button" class="button small" aria-pressed={tab === t} onClick={() => setTab(t)}>
              {t === "body" ? bodyLabel(event) : t === "headers" ? "Headers" : "Compare"}
            </button>
          ))}
        </div>
        <span class="grow" />
        {!event.body_purged && (
          <>
            <CopyButton class="small" label="Copy as curl" text={() => asCurl(event)}>
              Copy as curl
            </CopyButton>
            <Operators>
              <button type="button" class="button small" onClick={() => setReplaying(true)}>
                <Icon name="again" size={13} />
                Replay…
              </button>
            </Operators>
          </>
        )}
      </div>
      {tab === "headers" && <Headers headers={event.headers} />}
      {tab === "body" && (event.body_purged ? <p class="muted">The body is not kept any more: the retention has taken it.</p> : <Bodies event={event} />)}
      {tab === "compare" && <Compare event={event} others={rest} />}
      {replaying && <ReplayDialog title={`Replay ${eventType(event.type)}`} selection={{ event_ids: [event.id] }} onDone={() => undefined} onClose={() => setReplaying(false)} />}
    </div>
  );
}

function bodyLabel(event: EventRow): string {
  return event.other_bodies > 0 ? plural(event.other_bodies + 1, "body", "bodies") : `Body, ${bytes(event.body_bytes)}`;
}

/** The request as it came, with a place for the token: the gateway keeps none that could be shown. */
async function asCurl(event: EventRow): Promise<string> {
  const body = await getBytes(ownURL(event));
  const text = textOf(body.bytes);
  if (text === null) throw new Error("The body is not text: download it and send it with --data-binary @file.");
  const base = (status.value?.public_url ?? "http://localhost:8080").replace(/\/$/, "");
  const told = headerPairs(event.headers).filter(([name]) => !/^(content-(length|type)|host|authorization)$/i.test(name));
  return curl({
    url: `${base}/webhooks/${event.source}`,
    headers: [["Authorization", "Bearer <token>"], ["Content-Type", event.content_type || "application/json"], ...told],
    body: text,
  });
}
