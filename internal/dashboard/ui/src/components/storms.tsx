/** What is repeated too fast right now, as the process that answers sees it. */
import { address } from "../api/http";
import type { Storms } from "../api/types";
import { plural, visible } from "../lib/format";
import { useQuery } from "../state/query";
import { runHref } from "./links";
import { Moment } from "./moment";
import { Banner } from "./states";

/** Storms that are named one by one; of more, the number is told. */
const named = 3;

export function StormBanner() {
  const storms = useQuery<Storms>(address("/storms"), { every: 15_000 });
  const items = storms.data?.items ?? [];
  if (items.length === 0) return null;
  return (
    <Banner tone="amber" icon="alert">
      <p>
        <strong>{items.length === 1 ? "A storm." : `${items.length} storms.`}</strong> More than {storms.data?.rate} repeats of{" "}
        {items.slice(0, named).map((s, i) => (
          <span key={`${s.by}/${s.source}/${s.name}`}>
            {i > 0 && ", "}
            {s.by === "run" && s.name ? (
              <a class="mono" href={runHref({ run_id: s.name, source: s.source })}>
                {s.name}
              </a>
            ) : (
              <>
                {s.by} <span class="mono">{visible(s.name ?? s.source)}</span>
              </>
            )}{" "}
            ({plural(s.repeats, "repeat")}, since <Moment at={s.since} as="clock" />)
          </span>
        ))}
        {items.length > named && ` and ${items.length - named} more`}. They are answered as duplicates; look for a sender that retries in spite of it.
      </p>
    </Banner>
  );
}
