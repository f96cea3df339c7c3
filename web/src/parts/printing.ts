// SPDX-License-Identifier: Apache-2.0
// Whether the page is being laid out for paper, where nothing scrolls.
import { useEffect, useState } from "preact/hooks";

export function useMedia(query: string): boolean {
  const [matches, set] = useState(() => window.matchMedia(query).matches);
  useEffect(() => {
    const media = window.matchMedia(query);
    const listener = (): void => set(media.matches);
    media.addEventListener("change", listener);
    listener();
    return () => media.removeEventListener("change", listener);
  }, [query]);
  return matches;
}

export function usePrinting(): boolean {
  return useMedia("print");
}
