import { useEffect, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import type { TTL } from "../../api/types";
import { params, setParams } from "../../router";
import { atLeast, bytes, count, eventType, rate, short } from "../../lib/format";
import { coarse, duration, parseGoDuration } from "../../lib/time";
import { configDuration, estimate, longest, placeOf, shortest, steps, windowAt } from "../../lib/windows";
import { Moment } from "../../components/moment";
import { Code } from "../../components/payload";
import { TTLChart } from "../../components/ttlchart";

const chartHeight = 280;

/** The curve, the slider under it, and what the chosen window would do beside what the present one does. */
export function Tuner({ ttl, loading }: { ttl: TTL; loading: boolean }) {
  // The address says what is chosen: answers to earlier choices, which come late, move nothing.
  const chosen = parseGoDuration(params.value.get("window") ?? "") ?? ttl.now.window_ms;
  const [ms, setMs] = useState(chosen);
  useEffect(() => setMs(chosen), [chosen]);
  const settle = (window: number): void => {
    setMs(window);
    setParams({ window: window === ttl.now.window_ms ? null : configDuration(window) }, true);
  };
  const moved = ms !== ttl.now.window_ms;
  const guess = estimate(ttl, ms);
  return (
    <section class="panel" aria-label="Window">
      <div class="head">
        <h2>
          {ttl.source}, {ttl.type === "" ? "all event types" : eventType(ttl.type)}
        </h2>
        <span class="note">
          <span class="nowrap">{count(ttl.repeats)} repeats</span>, share caught by window, a lower bound
        </span>
      </div>
      <div class="inner stack">
        <TTLChart ttl={ttl} chosen={moved ? ms : null} height={chartHeight} onChoose={(x) => settle(windowAt(placeOf(x)))} />
        <ul class="legend">
          <li>
            <span class="swatch line" /> caught, at least
          </li>
          <li>
            <span class="swatch" /> repeats by how late they came
          </li>
          {ttl.schedule.length > 0 && (
            <li>
              <span class="swatch amber" /> Apify's retries 1 to {ttl.schedule.length}
            </li>
          )}
        </ul>
        <Slider ms={ms} onDrag={setMs} onSettle={settle} />
        <div class="tuner">
          <table class="table compare">
            <thead>
              <tr>
                <td />
                <th scope="col" class="num">
                  Now, {ttl.now.window}
                </th>
                <th scope="col" class="num">
                  {moved ? `With ${configDuration(ms)}` : "Move the slider"}
                </th>
              </tr>
            </thead>
            <tbody>
              <Line name="Caught by Redis, at least" now={atLeast(ttl.now.caught)} then={moved && atLeast(guess.caught)} />
              <Line name="Repeats a day that reach the database" now={short(ttl.now.database_hits_per_day)} then={moved && short(guess.databaseHitsPerDay)} />
              <Line name="Redis memory" now={bytes(Math.round(ttl.now.redis_bytes))} then={moved && bytes(Math.round(guess.redisBytes))} />
            </tbody>
          </table>
          <div class="stack" style={{ gap: "6px" }}>
            {moved ? (
              <>
                <p class="small muted">
                  Paste this into the configuration file; it is the source's whole block and takes effect without a restart.
                </p>
                <Code text={loading || ttl.chosen?.window_ms !== ms ? "…" : (ttl.chosen?.yaml ?? "")} label="YAML" copy={!loading && ttl.chosen?.window_ms === ms} />
              </>
            ) : (
              <dl class="facts small">
                <dt>Setting</dt>
                <dd>
                  <code>{ttl.setting.key}</code>
                  {!ttl.setting.own && " (inherited)"}
                </dd>
                <dt>In force since</dt>
                <dd>
                  <Moment at={ttl.setting.since} />
                </dd>
                <dt>Watched for</dt>
                <dd>
                  {coarse(ttl.watched_ms)}
                  {ttl.watched_ms < ttl.watch_for_ms && <span class="muted">; a shorter window is suggested after {duration(ttl.watch_for_ms)} at the earliest</span>}
                </dd>
                <dt>Memory</dt>
                <dd>
                  {Math.round(ttl.cost.bytes_per_key)} bytes a key, {ttl.cost.bytes_measured === "live" ? `measured on ${count(ttl.cost.keys_measured)} keys in use` : "from the benchmark"};{" "}
                  {rate(ttl.cost.events_per_second)}{ttl.cost.rate_estimated && ", estimated"}
                </dd>
                {ttl.in_flight > 0 && (
                  <>
                    <dt>In flight</dt>
                    <dd>{count(ttl.in_flight)} repeats came while the first was being decided: no window catches those</dd>
                  </>
                )}
              </dl>
            )}
          </div>
        </div>
        {ttl.notes.length > 0 && (
          <ul class="notes small muted">
            {ttl.notes.map((note) => (
              <li key={note}>{note}</li>
            ))}
          </ul>
        )}
      </div>
    </section>
  );
}

function Line({ name, now, then }: { name: string; now: string; then: string | false }) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td class="num">{now}</td>
      <td class="num">{then === false ? <span class="muted">–</span> : <strong>{then}</strong>}</td>
    </tr>
  );
}

function Slider({ ms, onDrag, onSettle }: { ms: number; onDrag(ms: number): void; onSettle(ms: number): void }) {
  const [text, setText] = useState<string | null>(null);
  // Neighbouring places can round to the same window: the slider stays where it was put, or a key could not move it on.
  const [place, setPlace] = useState(placeOf(ms));
  useEffect(() => {
    if (windowAt(place) !== ms) setPlace(placeOf(ms));
  }, [ms]);
  const move = (to: number, then: (ms: number) => void): void => {
    setPlace(to);
    then(windowAt(to));
  };
  const typed = text === null ? null : parseGoDuration(text.replaceAll(" ", ""));
  const bad: ComponentChildren = text !== null && (typed === null || typed < shortest || typed > longest);
  const take = (): void => {
    if (typed !== null && !bad) onSettle(typed);
    setText(null);
  };
  return (
    <div class="slider">
      <label class="row">
        <span>Window</span>
        <input
          class="input num"
          value={text ?? configDuration(ms)}
          aria-invalid={!!bad}
          title="90s, 36h, 3d: from 1 s to 90 days"
          onInput={(e) => setText(e.currentTarget.value)}
          onBlur={take}
          onKeyDown={(e) => e.key === "Enter" && take()}
        />
      </label>
      <label class="field">
        <span class="unseen">Window</span>
        <input
          type="range"
          min={0}
          max={steps}
          value={place}
          aria-valuetext={duration(ms)}
          onInput={(e) => move(Number(e.currentTarget.value), onDrag)}
          onChange={(e) => move(Number(e.currentTarget.value), onSettle)}
        />
      </label>
    </div>
  );
}
