// SPDX-License-Identifier: Apache-2.0
// Light or dark: as the system says, or as chosen here, which this browser keeps.
import { useEffect, useState } from "preact/hooks";
import { useMedia } from "./printing.ts";

export type Choice = "system" | "light" | "dark";
const KEY = "doorstep-appearance";
const EVENT = "doorstep-appearance";

export function appearanceChoice(): Choice {
  try {
    const kept = window.localStorage.getItem(KEY);
    return kept === "light" || kept === "dark" ? kept : "system";
  } catch {
    return "system"; // a browser that keeps nothing
  }
}

export function chooseAppearance(choice: Choice): void {
  try {
    window.localStorage.setItem(KEY, choice);
  } catch {
    // It holds for this page only.
  }
  applyAppearance(choice);
  window.dispatchEvent(new Event(EVENT));
}

export function applyAppearance(choice: Choice = appearanceChoice()): void {
  if (choice === "system") delete document.documentElement.dataset.appearance;
  else document.documentElement.dataset.appearance = choice;
}

// "light" or "dark", as it is on the page now; paper is always light.
export function useAppearance(): "light" | "dark" {
  const systemDark = useMedia("(prefers-color-scheme: dark)");
  const paper = useMedia("print");
  const [, renew] = useState(0);
  useEffect(() => {
    const listener = (): void => renew((before) => before + 1);
    window.addEventListener(EVENT, listener);
    return () => window.removeEventListener(EVENT, listener);
  }, []);
  if (paper) return "light";
  const chosen = document.documentElement.dataset.appearance;
  return chosen === "light" || chosen === "dark" ? chosen : systemDark ? "dark" : "light";
}
