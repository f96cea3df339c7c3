// SPDX-License-Identifier: Apache-2.0
// Which page shows a question best: its own page when it has one, else the page of any question.

const OWN: Readonly<Record<string, string>> = {
  delivery: "/delivery",
  funnel: "/funnel",
  paths: "/paths",
  quality: "/quality",
  retention: "/retention",
};

export function questionPath(question: string): string {
  return OWN[question] ?? `/question/${question}`;
}
