// SPDX-License-Identifier: Apache-2.0
// Answers of `doorstep serve`: kept by ETag, with progress, and stopped on the server when nobody
// waits any more. What names a person is sent in a body: addresses are written into logs.
import { namesAPerson } from "../address/personal.ts";
import { answerKey, queryOf } from "./key.ts";
import { Problem } from "./source.ts";
import type { Asking, ExpressionKind, Progress, Source } from "./source.ts";
import type {
  Board, Explained, LanguageWord, Options, QuestionTable, Result, Store,
} from "./types.ts";
import { words } from "../words/en.ts";

// A browser opens six connections to a host. Questions take three and their progress two, so that
// one is left for what the user types.
const QUESTIONS_AT_ONCE = 3;
const PROGRESS_AT_ONCE = 2;
// Answers that come sooner need no progress.
const PROGRESS_AFTER_MS = 400;
const KEPT_MAX = 64;

interface Kept {
  readonly etag: string;
  readonly result: Result;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function number(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

async function problemFrom(response: Response): Promise<Problem> {
  let body: Record<string, unknown> = {};
  try {
    const parsed: unknown = await response.json();
    if (typeof parsed === "object" && parsed !== null) body = parsed as Record<string, unknown>;
  } catch {
    // A server that answers in another form is told by its status alone.
  }
  return new Problem(text(body.title) || words.errors.status(response.status), text(body.detail),
                     response.status, text(body.code), text(body.option), number(body.line),
                     number(body.column));
}

async function fetchFrom(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...init });
  } catch (failure) {
    if (failure instanceof DOMException && failure.name === "AbortError") throw failure;
    throw new Problem(words.errors.unreachable, words.errors.unreachableAdvice);
  }
  if (!response.ok && response.status !== 304) throw await problemFrom(response);
  return response;
}

// Reads an answer of which nothing is wanted: unread, it would keep its connection.
async function finish(response: Promise<Response>): Promise<void> {
  await (await response).text();
}

function post(body: unknown): RequestInit {
  return { method: "POST", headers: { "Content-Type": "application/json" },
           body: JSON.stringify(body) };
}

function requestId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Lets so many run at once; the others wait in order.
class Gate {
  private free: number;
  private readonly waiting: (() => void)[] = [];
  constructor(places: number) {
    this.free = places;
  }
  async enter(): Promise<void> {
    if (this.free > 0) this.free--;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
  }
  leave(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.free++;
    else next();
  }
}

class ServerSource implements Source {
  readonly kind = "server";
  private readonly answers = new Map<string, Kept>();
  private readonly gate = new Gate(QUESTIONS_AT_ONCE);
  private followed = 0;
  private questionTable: Promise<QuestionTable> | undefined;

  questions(): Promise<QuestionTable> {
    this.questionTable ??= this.read<QuestionTable>("/v1/questions").catch((failure: unknown) => {
      this.questionTable = undefined;
      throw failure;
    });
    return this.questionTable;
  }

  store(): Promise<Store> {
    return this.read<Store>("/v1/store");
  }

  async language(): Promise<readonly LanguageWord[]> {
    return (await this.read<{ words: readonly LanguageWord[] }>("/v1/language")).words;
  }

  kept(question: string, options: Options): Result | undefined {
    return this.answers.get(answerKey(question, options))?.result;
  }

  async ask(question: string, options: Options, asking: Asking = {}): Promise<Result> {
    const key = answerKey(question, options);
    const kept = this.answers.get(key);
    const headers = kept === undefined ? {} : { "If-None-Match": kept.etag };
    const response = await (namesAPerson(options)
      ? this.followedFetch(this.address(question, {}), post({ options }), asking)
      : this.followedFetch(this.address(question, options), { headers }, asking));
    if (response.status === 304 && kept !== undefined) {
      this.keep(key, kept);
      return kept.result;
    }
    const result = (await response.json()) as Result;
    const etag = response.headers.get("ETag");
    if (etag !== null) this.keep(key, { etag, result });
    return result;
  }

  async explain(expression: string, kind: ExpressionKind, signal?: AbortSignal,
  ): Promise<Explained> {
    const init = post({ expression, kind });
    const response = await fetchFrom("/v1/explain", signal === undefined ? init
                                                                         : { ...init, signal });
    return (await response.json()) as Explained;
  }

  async sql(statement: string, limit: number, asking: Asking = {}): Promise<Result> {
    const response = await this.followedFetch("/v1/sql", post({ statement, limit }), asking);
    return (await response.json()) as Result;
  }

  async boards(): Promise<readonly Board[]> {
    return (await this.read<{ boards: readonly Board[] }>("/v1/boards")).boards;
  }

  async saveBoard(board: Board): Promise<void> {
    await finish(fetchFrom(`/v1/boards/${encodeURIComponent(board.name)}`,
                           { ...post(board), method: "PUT" }));
  }

  async deleteBoard(name: string): Promise<void> {
    await finish(fetchFrom(`/v1/boards/${encodeURIComponent(name)}`, { method: "DELETE" }));
  }

  href(question: string, options: Options, form: "csv" | "svg" | "json" | "sql",
       table?: string): string | undefined {
    if (namesAPerson(options)) return undefined;
    const asked = table === undefined ? { ...options, format: form }
                                      : { ...options, format: form, table };
    return this.address(question, asked);
  }

  async csv(question: string, options: Options, table: string): Promise<Blob> {
    const asked = { ...options, format: "csv", table };
    return (await fetchFrom(this.address(question, {}), post({ options: asked }))).blob();
  }

  private address(question: string, options: Options): string {
    const query = queryOf(options);
    return `/v1/questions/${encodeURIComponent(question)}${query === "" ? "" : `?${query}`}`;
  }

  private async read<T>(path: string): Promise<T> {
    return (await (await fetchFrom(path)).json()) as T;
  }

  // The newest answers are kept, by the order of the map.
  private keep(key: string, kept: Kept): void {
    this.answers.delete(key);
    this.answers.set(key, kept);
    for (const oldest of this.answers.keys()) {
      if (this.answers.size <= KEPT_MAX) break;
      this.answers.delete(oldest);
    }
  }

  private async followedFetch(path: string, init: RequestInit, asking: Asking): Promise<Response> {
    await this.gate.enter();
    try {
      asking.signal?.throwIfAborted();
      return await this.fetchWithProgress(path, init, asking);
    } finally {
      this.gate.leave();
    }
  }

  private async fetchWithProgress(path: string, init: RequestInit,
                                  { signal, onProgress }: Asking): Promise<Response> {
    const id = requestId();
    const headers = { ...(init.headers as Record<string, string> | undefined),
                      "X-Request-Id": id };
    let unfollow = (): void => undefined;
    const timer = window.setTimeout(() => {
      if (onProgress !== undefined) unfollow = this.follow(id, onProgress);
    }, PROGRESS_AFTER_MS);
    const stop = (): void => {
      // The server learns it from this, for a closed connection is noticed late. Whether the
      // request is still known there does not matter.
      void fetch(`/v1/requests/${id}`, { method: "DELETE", keepalive: true })
        .catch(() => undefined);
    };
    signal?.addEventListener("abort", stop, { once: true });
    try {
      return await fetchFrom(path, { ...init, headers,
                                     ...(signal === undefined ? {} : { signal }) });
    } finally {
      window.clearTimeout(timer);
      unfollow();
      signal?.removeEventListener("abort", stop);
    }
  }

  private follow(id: string, onProgress: (progress: Progress) => void): () => void {
    if (this.followed >= PROGRESS_AT_ONCE) return () => undefined;
    this.followed++;
    const events = new EventSource(`/v1/requests/${id}`);
    events.addEventListener("progress", (event: MessageEvent<string>) => {
      const told = JSON.parse(event.data) as Partial<Progress>;
      onProgress({ phase: text(told.phase), done: number(told.done), total: number(told.total),
                   unit: text(told.unit) });
    });
    events.addEventListener("error", () => events.close());
    return () => {
      events.close();
      this.followed--;
    };
  }
}

export function serverSource(): Source {
  return new ServerSource();
}
