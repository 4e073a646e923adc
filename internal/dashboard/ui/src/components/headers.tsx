/** Headers as they were received, those that are kept. */
import { visible } from "../lib/format";

type Kept = Record<string, string | string[]> | undefined;

export function headerPairs(headers: Kept): [string, string][] {
  return Object.entries(headers ?? {}).flatMap(([name, value]) => (Array.isArray(value) ? value : [value]).map((v): [string, string] => [name, String(v)]));
}

export function Headers({ headers }: { headers: Kept }) {
  const pairs = headerPairs(headers);
  if (pairs.length === 0) return <p class="muted">No headers are kept.</p>;
  return (
    <dl class="facts">
      {pairs.map(([name, value], i) => [
        <dt key={`${name}${i}`} class="mono">
          {visible(name)}
        </dt>,
        <dd class="mono">{visible(value)}</dd>,
      ])}
    </dl>
  );
}
