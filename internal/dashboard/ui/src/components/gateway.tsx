/** How the gateway's stores are: a banner on every page when one of them is away, and a line each on the overview. */
import type { StoreState } from "../api/types";
import { visible } from "../lib/format";
import { status } from "../state/status";
import { Banner } from "./states";
import { Moment } from "./moment";

export function StoreBanners() {
  if (!status.value) return null;
  const { redis, database } = status.value;
  return (
    <>
      {!database.up && (
        <Banner tone="red" icon="alert">
          <p>
            <strong>The database is away</strong> since <Moment at={database.since} as="ago" />. Repeats that Redis knows are answered; everything else gets
            503 and comes again by itself.
            <Failure store={database} />
          </p>
        </Banner>
      )}
      {!redis.up && (
        <Banner tone="amber" icon="alert">
          <p>
            <strong>Degraded: Redis is left out</strong> since <Moment at={redis.since} as="ago" />. Every answer is still right, the database gives all of
            them; expect slower answers.
            <Failure store={redis} />
          </p>
        </Banner>
      )}
    </>
  );
}

function Failure({ store }: { store: StoreState }) {
  if (!store.error) return null;
  return <span class="failure mono muted">{visible(store.error)}</span>;
}

const names: Record<string, string> = { redis: "Redis", embedded: "Redis, inside this process", postgres: "PostgreSQL", sqlite: "SQLite" };

export function StoreLine({ store }: { store: StoreState }) {
  return (
    <tr>
      <th scope="row">{names[store.kind] ?? store.kind}</th>
      <td>
        <span class={`badge ${store.up ? "green" : "red"}`}>{store.up ? "up" : "down"}</span> <Moment at={store.since} as="for" />
      </td>
    </tr>
  );
}
