/** Words of state, with the colour that each has on every page and in every chart. */
export type Tone = "green" | "blue" | "violet" | "amber" | "red" | "teal" | "grey";

const tones: Record<string, Tone> = {
  // outcomes
  new: "green",
  updated: "blue",
  late: "amber",
  duplicate: "violet",
  test: "teal",
  quarantined: "red",
  // reasons
  first_seen: "green",
  window_hit: "violet",
  race_lost: "teal",
  ledger_hit: "amber",
  not_json: "red",
  no_identity: "red",
  too_large: "red",
  rejected_by_database: "red",
  unverified: "red",
  // statuses of runs
  CREATED: "blue",
  RESURRECTED: "blue",
  SUCCEEDED: "green",
  FAILED: "red",
  ABORTED: "amber",
  TIMED_OUT: "amber",
  // states of deliveries
  pending: "blue",
  held: "grey",
  delivering: "blue",
  retrying: "amber",
  delivered: "green",
  dead: "red",
  cancelled: "grey",
  // breakers and stores
  closed: "green",
  open: "red",
  half_open: "amber",
  up: "green",
  embedded: "green",
  down: "red",
  // repeats
  retry: "blue",
  twin: "amber",
  unknown: "grey",
};

const words: Record<string, string> = {
  first_seen: "first seen",
  window_hit: "Redis",
  race_lost: "in flight",
  ledger_hit: "database",
  not_json: "not JSON",
  no_identity: "no identity",
  too_large: "too large",
  rejected_by_database: "rejected by database",
  TIMED_OUT: "TIMED OUT",
  half_open: "half open",
};

export function tone(word: string): Tone {
  return tones[word] ?? "grey";
}

export function word(text: string): string {
  return words[text] ?? text;
}

export function Badge({ of, plain = false, title }: { of: string; plain?: boolean; title?: string | undefined }) {
  return (
    <span class={`badge ${tone(of)}${plain ? " plain" : ""}`} title={title}>
      {word(of)}
    </span>
  );
}
