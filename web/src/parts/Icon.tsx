// SPDX-License-Identifier: Apache-2.0
// Small drawings beside words; never alone without a label on what holds them.
const PATHS = {
  close: "M5 5l10 10M15 5L5 15",
  menu: "M3 6h14M3 10h14M3 14h14",
  up: "M10 15V5M6 9l4-4 4 4",
  down: "M10 5v10M6 11l4 4 4-4",
  copy: "M7 7V4h9v9h-3M4 7h9v9H4z",
  file: "M10 3v10M6 9l4 4 4-4M4 16h12",
  table: "M3 5h14v10H3zM3 9h14M8 5v10",
  chart: "M3 16h14M6 16V9M10 16V5M14 16v-4",
  open: "M8 5H5v10h10v-3M11 5h4v4M15 5l-6 6",
  filter: "M3 5h14l-5.5 6v5l-3-1.5V11z",
  plus: "M10 5v10M5 10h10",
  warn: "M10 4l7 12H3zM10 9v3M10 14v.5",
  info: "M10 9v5M10 6.5v.5M10 2.8a7.2 7.2 0 1 0 .01 0",
  print: "M6 7V3h8v4M6 14H4V8h12v6h-2M6 12h8v5H6z",
  moon: "M15.5 12A6.5 6.5 0 0 1 8 4.5 6.5 6.5 0 1 0 15.5 12z",
  right: "M8 5l5 5-5 5",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
