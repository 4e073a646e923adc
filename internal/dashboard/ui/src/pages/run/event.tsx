import { useState } from "preact/hooks";
import { address, getBytes } from "../../api/http";
import type { Bytes } from "../../api/http";
import type { EventRow, Receipt } from "../../api/types";
import { curl } from "../../lib/curl";
import { bytes, eventType } from "../../lib/format";
import { pretty } from "../../lib/json";
import { local } from "../../lib/time";
import { useBytes } from "../../state/bytes";
import { status } from "../../state/status";
import { Badge } from "../../components/badge";
import { Copyable, CopyButton } from "../../components/copy";
import { Difference } from "../../components/difference";
import { Headers, headerPairs } from "../../components/headers";
import { Moment } from "../../components/moment";
import { Operators } from "../../components/operators";
import { PayloadView, textOf } from "../../components/payload";
import { ReplayDialog } from "../../components/replay";
import { Bones, Broken } from "../../components/states";
import { Icon } from "../../components/icon";

type Tab = "body" | "headers" | "compare";

interface Props {
  event: EventRow;
  receipt: Receipt | undefined;
  others: EventRow[];
}

const bodyURL = (id: string): string => address(`/events/${id}/body`);

export function EventDetail({ event, receipt, others }: Props) {
  const [tab, setTab] = useState<Tab>("body");
  const [replaying, setReplaying] = useState(false);
  const rest = others.filter((e) => e.id !== event.id && !e.body_purged);
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
          {(["body", "headers", ...(rest.length > 0 ? ["compare" as const] : [])] as Tab[]).map((t) => (
            <button key={t} type="button" class="button small" aria-pressed={tab === t} onClick={() => setTab(t)}>
              {t === "body" ? `Body, ${bytes(event.body_bytes)}` : t === "headers" ? "Headers" : "Compare"}
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
      {tab === "body" && (event.body_purged ? <p class="muted">The body is not kept any more: the retention has taken it.</p> : <Body event={event} />)}
      {tab === "compare" && <Compare event={event} others={rest} />}
      {replaying && <ReplayDialog title={`Replay ${eventType(event.type)}`} selection={{ event_ids: [event.id] }} onDone={() => undefined} onClose={() => setReplaying(false)} />}
    </div>
  );
}

function Body({ event }: { event: EventRow }) {
  const body = useBytes(bodyURL(event.id));
  if (body.error) return <Broken error={body.error} retry={body.reload} />;
  if (!body.data) return <Bones lines={6} />;
  return <PayloadView payload={body.data} name={`${event.id}.${event.content_type.includes("json") ? "json" : "bin"}`} />;
}

function Compare({ event, others }: { event: EventRow; others: EventRow[] }) {
  const [other, setOther] = useState(others[0]?.id ?? "");
  const mine = useBytes(bodyURL(event.id));
  const theirs = useBytes(bodyURL(other));
  const error = mine.error ?? theirs.error;
  return (
    <div class="stack" style={{ gap: "8px" }}>
      <label class="field" style={{ maxWidth: "420px" }}>
        <span>What {eventType(event.type)} says other than</span>
        <select class="input" value={other} onChange={(e) => setOther(e.currentTarget.value)}>
          {others.map((e) => (
            <option key={e.id} value={e.id}>
              {eventType(e.type)}, {local(new Date(e.received_at))}
            </option>
          ))}
        </select>
      </label>
      {error && <Broken error={error} retry={() => (mine.reload(), theirs.reload())} />}
      {mine.data && theirs.data ? <Difference before={readable(theirs.data)} after={readable(mine.data)} /> : !error && <Bones lines={6} />}
    </div>
  );
}

function readable(body: Bytes): string {
  const text = textOf(body.bytes);
  return text === null ? "(not text)" : (pretty(text) ?? text);
}

/** The request as it came, with a place for the token: the gateway keeps none that could be shown. */
async function asCurl(event: EventRow): Promise<string> {
  const body = await getBytes(bodyURL(event.id));
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
