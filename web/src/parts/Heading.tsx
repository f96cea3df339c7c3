// SPDX-License-Identifier: Apache-2.0
// The heading of a page, with one line that says what it is for.
import type { ComponentChildren } from "preact";

export function Heading({ title, lead, children }: {
  title: string;
  lead?: string;
  children?: ComponentChildren;
}) {
  return (
    <header class="page-head">
      <div>
        <h1>{title}</h1>
        {lead !== undefined && <p class="lead">{lead}</p>}
      </div>
      {children !== undefined && <div class="card-tools no-print">{children}</div>}
    </header>
  );
}
