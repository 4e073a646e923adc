import type { ComponentChildren } from "preact";
import { address } from "../api/http";
import type { Source } from "../api/types";
import { count, plural } from "../lib/format";
import { apiRange } from "../lib/range";
import { seen } from "../lib/seen";
import { now } from "../state/clock";
import { useQuery } from "../state/query";
import { status } from "../state/status";
import { SampleButtons } from "../components/connect";
import { Moment } from "../components/moment";
import { Page, Refresh } from "../components/page";
import { Panel } from "../components/panel";
import { Code } from "../components/payload";
import { RangePicker, useRange } from "../components/rangepicker";
import { Banner, Bones, Empty, Loaded } from "../components/states";

interface ConfigState {
  yaml: string;
  path?: string;
  since: string;
  warnings: string[];
}

export function SourcesPage() {
  const range = useRange();
  const sources = useQuery<{ items: Source[] }>(address("/sources", apiRange(range)), { every: 30_000 });
  return (
    <Page
      title="Sources"
      tools={
        <>
          <RangePicker />
          <Refresh query={sources} />
        </>
      }
    >
      <Loaded query={sources} bones={<section class="panel"><Bones lines={6} height={260} /></section>}>
        {(data) => (
          <>
            {data.items.length === 0 ? <NoSources /> : data.items.map((s) => <One key={s.name} source={s} />)}
            <Config />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function NoSources() {
  return (
    <section class="panel">
      <Empty title="No source is configured">
        <p>
          Add one under <code>sources</code> in the configuration file: a name, a kind and a token.
        </p>
      </Empty>
    </section>
  );
}

function One({ source: s }: { source: Source }) {
  return (
    <Panel
      title={s.name}
      note={
        <>
          {s.kind}
          {!s.configured && " · not configured any more"}
        </>
      }
      tools={
        <LastSeen source={s} />
      }
    >
      <div class="grid2">
        <dl class="facts">
          <Fact name="Received">
            <a href={`/?source=${encodeURIComponent(s.name)}`}>{plural(s.receipts, "request")}</a>, {plural(s.duplicates, "duplicate")},{" "}
            <a href={`/quarantine?source=${encodeURIComponent(s.name)}`}>{count(s.quarantined)} quarantined</a>
          </Fact>
          <Fact name="Credentials">
            <Credentials source={s} />
          </Fact>
          {s.setting && s.configured && (
            <Fact name="Window">
              <a href={`/ttl?source=${encodeURIComponent(s.name)}`}>{s.setting.window}</a>, lease {s.setting.lease}
              <span class="muted"> ({s.setting.key})</span>
            </Fact>
          )}
          {s.identity.length > 0 && (
            <Fact name="Same event">
              <ul>
                {s.identity.map((line) => (
                  <li key={line}>{line}</li>
                ))}
              </ul>
            </Fact>
          )}
        </dl>
        {s.configured && (
          <details class="fold" open={!s.last_seen_at}>
            <summary>Connect {s.kind === "apify" ? "Apify" : "a sender"}</summary>
            <HowTo source={s} />
          </details>
        )}
      </div>
    </Panel>
  );
}

function LastSeen({ source: s }: { source: Source }) {
  const { tone, hint } = seen(s.last_seen_at, s.configured, now.value);
  return (
    <span class={`badge ${tone}`} title={hint}>
      {s.last_seen_at ? (
        <span>
          last seen <Moment at={s.last_seen_at} as="ago" />
        </span>
      ) : (
        "never seen"
      )}
    </span>
  );
}

/** Which token or secret let requests in, and when it did last: one that nobody uses any more can go. */
function Credentials({ source: s }: { source: Source }) {
  if (!s.credentials?.length) return <>{plural(s.tokens, "token")}</>;
  return (
    <ul>
      {s.credentials.map((c) => (
        <li key={c.name}>
          <span class="mono">{c.name}</span>{" "}
          <span class="muted">
            {c.last_used_at ? (
              <>
                used <Moment at={c.last_used_at} as="ago" />
              </>
            ) : (
              "not used since this process started"
            )}
          </span>
        </li>
      ))}
    </ul>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function HowTo({ source: s }: { source: Source }) {
  return (
    <div class="stack">
      <ol class="howto">
        {s.kind === "apify" && (
          <li>
            <p>
              In Apify Console open the Actor or task, <em>Integrations</em>, <em>HTTP webhook</em>, and choose the events.
            </p>
          </li>
        )}
        <li>
          <p>{s.kind === "apify" ? "Paste as URL, with host and port as Apify can reach them:" : "Let it POST to:"}</p>
          <Code text={s.webhook_url} wrap label="webhook URL" />
        </li>
        {s.headers_template && (
          <li>
            <p>{s.kind === "apify" ? "Paste as headers template, with the source's token:" : "Send the source's token:"}</p>
            <Code text={s.headers_template} json label="headers template" />
          </li>
        )}
        {s.kind === "apify" && (
          <li>
            <p>
              Leave the payload template as it is, and press <em>Test</em>: it shows up on <a href="/live">Live</a>.
            </p>
          </li>
        )}
      </ol>
      {status.value?.embedded && s.kind === "apify" && (
        <div class="row">
          <SampleButtons onSent={() => undefined} />
        </div>
      )}
    </div>
  );
}

function Config() {
  const config = useQuery<ConfigState>(address("/config"));
  return (
    <Panel
      title="Configuration in force"
      note={
        config.data && (
          <>
            {config.data.path ?? "defaults, no file"} · since <Moment at={config.data.since} />
          </>
        )
      }
    >
      <Loaded query={config} bones={<Bones lines={6} />}>
        {(data) => (
          <div class="stack">
            {data.warnings.map((w) => (
              <Banner key={w} tone="amber" icon="alert">
                <p>{w}</p>
              </Banner>
            ))}
            <Code text={data.yaml} label="configuration" />
          </div>
        )}
      </Loaded>
    </Panel>
  );
}
