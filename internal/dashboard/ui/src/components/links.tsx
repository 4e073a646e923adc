/** Names that lead somewhere, the same everywhere. */
import { shortID } from "../lib/format";

export function runHref(run: { run_id: string; source?: string | undefined; kind?: string | undefined }): string {
  const query = new URLSearchParams();
  if (run.source) query.set("source", run.source);
  if (run.kind) query.set("kind", run.kind);
  const text = query.toString();
  return `/runs/${encodeURIComponent(run.run_id)}${text === "" ? "" : `?${text}`}`;
}

export function RunLink({ run }: { run: { run_id?: string | undefined; source?: string; kind?: string | undefined } }) {
  if (!run.run_id) return <span class="muted">–</span>;
  return (
    <a class="mono ellipsis" href={runHref({ ...run, run_id: run.run_id })} title={run.run_id}>
      {run.run_id}
    </a>
  );
}

export function ActorLink({ id }: { id: string | undefined }) {
  if (!id) return <span class="muted">–</span>;
  return (
    <a class="mono ellipsis" href={`/runs?actor_id=${encodeURIComponent(id)}`} title={id}>
      {id}
    </a>
  );
}

export function ShortID({ id }: { id: string | undefined }) {
  if (!id) return <span class="muted">–</span>;
  return (
    <span class="mono" title={id}>
      {shortID(id)}
    </span>
  );
}
