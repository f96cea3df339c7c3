// SPDX-License-Identifier: Apache-2.0
// What can be done with a picture of the page's own: saved as a file, printed, changed for its
// table.
import type { ComponentProps, RefObject } from "preact";
import { words } from "../words/en.ts";
import { ViewSwitch } from "./Card.tsx";
import { Icon } from "./Icon.tsx";
import { savePicture } from "./picture.ts";

interface Props extends ComponentProps<typeof ViewSwitch> {
  readonly picture: RefObject<SVGSVGElement | null>;
  readonly name: string; // of the file
}

// Without a table beside it.
export function PictureButtons({ save }: { save: (form: "svg" | "png") => void }) {
  return (
    <>
      {(["svg", "png"] as const).map((form) => (
        <button key={form} type="button" class="plain small" onClick={() => save(form)}>
          {words.chart[form]}
        </button>
      ))}
      <button type="button" class="plain small" onClick={() => window.print()}>
        <Icon name="print" />{words.chart.print}
      </button>
    </>
  );
}

export function PictureTools({ picture, name, view, onView }: Props) {
  return (
    <>
      <PictureButtons save={(form) => savePicture(picture.current, form, name)} />
      <ViewSwitch view={view} onView={onView} />
    </>
  );
}
