// SPDX-License-Identifier: Apache-2.0
// The colours of charts, read from the stylesheet so that light and dark are said in one place.

export interface Theme {
  readonly series: readonly string[];
  readonly ink: string;
  readonly quiet: string;
  readonly line: string;
  readonly paper: string;
  readonly accent: string;
  readonly bad: string;
  readonly good: string;
  readonly font: string;
  readonly ramp: readonly [string, string];
}

// Told apart without colour, too: the n-th line has the n-th dash and mark.
export const DASHES: readonly (readonly number[] | "solid")[] =
  ["solid", [6, 3], [2, 3], [10, 3, 2, 3], [6, 2, 2, 2, 2, 2], [12, 4]];
export const MARKS = ["circle", "rect", "triangle", "diamond", "pin", "roundRect"] as const;

export function readTheme(): Theme {
  const probe = document.createElement("i");
  document.body.append(probe);
  // A property says both colours; an element's colour is the one of now.
  const of = (name: string): string => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const theme = {
    series: Array.from({ length: 8 }, (_, i) => of(`--series-${i + 1}`)),
    ink: of("--ink"), quiet: of("--quiet"), line: of("--line"), paper: of("--card"),
    accent: of("--accent"), bad: of("--bad"), good: of("--good"),
    font: getComputedStyle(document.body).fontFamily,
    ramp: [of("--ramp-low"), of("--ramp-high")] as const,
  };
  probe.remove();
  return theme;
}
