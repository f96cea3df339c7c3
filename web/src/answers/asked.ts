// SPDX-License-Identifier: Apache-2.0
// The options an answer was asked with: fewer than `result.options`, where the engine filled in its
// presets. Only answers that can be asked further (lists) are remembered.
import type { Options, Result } from "./types.ts";

const asked = new WeakMap<Result, Options>();

export function rememberAsked(result: Result, options: Options): Result {
  asked.set(result, options);
  return result;
}

export function askedOptions(result: Result): Options | undefined {
  return asked.get(result);
}
