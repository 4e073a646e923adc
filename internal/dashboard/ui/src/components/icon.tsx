/** Icons, drawn as strokes on a grid of 16. They say nothing by themselves: a label stands beside them or on the button. */
const paths = {
  overview: "M2 13.5h12M4 11V7M8 11V3M12 11V5.5",
  live: "M1.5 8h3l2-5 3 10 2-5h3",
  runs: "M5.5 4h8M5.5 8h8M5.5 12h8M2.5 4h.01M2.5 8h.01M2.5 12h.01",
  ttl: "M4 2h8M4 14h8M5 2v2.5L8 8l3-3.5V2M5 14v-2.5L8 8l3 3.5V14",
  deliveries: "M14 2 7 9M14 2l-4.5 12L7 9 2 6.5 14 2Z",
  quarantine: "M8 1.8 13 4v4c0 3-2 5.2-5 6.200C5 13.2 3 11 3 8V4l5-2.200ZM8 5.500v3M8 10.800h.01",
  stuck: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 5v3l2 1.5",
  sources: "M6 2v3M10 2v3M4 5h8v3a4 4 0 0 1-8 0V5ZM8 12v2.5",
  audit: "M4 2h6l3 3v9H4V2ZM6.5 8h4M6.5 11h4",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10ZM11 11l3 3",
  copy: "M6 6h7.500v7.500H6V6ZM10 6V2.500H2.500V10H6",
  check: "m3 8.5 3.5 3.500L13 4.5",
  close: "m4 4 8 8M12 4l-8 8",
  left: "m10 3-5 5 5 5",
  right: "m6 3 5 5-5 5",
  down: "m3.5 6 4.5 4.500L12.5 6",
  out: "M2.5 8h11M5 4.5 1.5 8 5 11.500M11 4.5 14.5 8 11 11.5",
  refresh: "M13.5 8a5.5 5.5 0 1 1-1.6-3.900L13.5 5.500M13.5 2v3.500H10",
  sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM8 1v1.500M8 13.500V15M1 8h1.500M13.5 8H15M3 3l1.1 1.100M11.9 11.9 13 13M3 13l1.1-1.100M11.9 4.1 13 3",
  moon: "M13.5 9.500A6 6 0 0 1 6.5 2.500a6 6 0 1 0 7 7Z",
  half: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 2v12",
  menu: "M2 4h12M2 8h12M2 12h12",
  help: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM6.3 6.300A1.8 1.8 0 0 1 8 5c1 0 1.8.7 1.8 1.600C9.8 8 8 7.8 8 9.200M8 11.300h.01",
  leave: "M6 2.500H3v11h3M10 5l3 3-3 3M13 8H6",
  download: "M8 2v8M4.5 7 8 10.5 11.5 7M2.5 13.500h11",
  alert: "M8 2 1.5 13.500h13L8 2ZM8 6.500v3M8 11.500h.01",
  info: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 7.500v3.500M8 5h.01",
  pause: "M5.5 3v10M10.5 3v10",
  play: "M4.5 2.5 13 8l-8.5 5.500v-11Z",
  again: "M2.5 8a5.5 5.5 0 1 0 1.6-3.900L2.5 5.500M2.5 2v3.500H6",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.4"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={paths[name]} />
    </svg>
  );
}

export function Mark({ size = 20 }: { size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="2.4"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d="M3 6h6l3 6-3 6H3" />
      <path d="M12 12h9" />
      <path d="m17 8 4 4-4 4" />
    </svg>
  );
}
