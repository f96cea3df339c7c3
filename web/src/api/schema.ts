// SPDX-License-Identifier: Apache-2.0
// Made by web/api.mjs of docs/openapi.yaml.
export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        readonly Code: "OK" |
            "NO" |
            "USAGE" |
            "EXPRESSION" |
            "UNSUPPORTED" |
            "INPUT" |
            "LIMIT" |
            "MISSING" |
            "BUSY" |
            "CORRUPT" |
            "VERSION" |
            "READONLY" |
            "IO" |
            "FULL" |
            "MEMORY" |
            "LIBRARY" |
            "INTERRUPTED";
        readonly CellType: "text" |
            "count" |
            "number" |
            "duration" |
            "share" |
            "time" |
            "list" |
            "items" |
            "exact";
        readonly Result: {
            readonly question: string;
            readonly options: {
                readonly [key: string]: string;
            };
            readonly as_of: string;
            readonly tables: {
                readonly [key: string]: readonly components["schemas"]["Row"][];
            };
            readonly columns: {
                readonly [key: string]: readonly components["schemas"]["Column"][];
            };
            readonly figures: {
                readonly [key: string]: components["schemas"]["Figures"];
            };
            readonly notes: readonly components["schemas"]["Note"][];
            readonly definition: string;
            readonly layouts?: readonly Record<string, never>[];
        };
        readonly Row: {
            readonly [key: string]: string | number | boolean | readonly string[] | null;
        };
        readonly Column: {
            readonly name: string;
            readonly type: components["schemas"]["CellType"];
            readonly unit: string;
            readonly meaning: string;
        };
        readonly Figures: {
            readonly keys: readonly string[];
            readonly needed: number;
            readonly columns: readonly string[];
            readonly except?: readonly string[];
        };
        readonly Note: {
            readonly level: "info" | "warning";
            readonly text: string;
        };
        readonly Problem: {
            readonly type: string;
            readonly title: string;
            readonly status: number;
            readonly detail: string;
            readonly code: components["schemas"]["Code"];
            readonly option?: string;
            readonly line?: number;
            readonly column?: number;
        };
        readonly Option: {
            readonly name: string;
            readonly type: "text" |
            "flag" |
            "count" |
            "share" |
            "time" |
            "expression" |
            "name" |
            "choice" |
            "argument" |
            "arguments";
            readonly argument: string;
            readonly preset: string;
            readonly choices: readonly string[];
            readonly help: string;
            readonly positional: boolean;
            readonly repeated: boolean;
        };
        readonly Questions: {
            readonly questions: readonly {
                readonly name: string;
                readonly purpose: string;
                readonly example: string;
                readonly options: readonly components["schemas"]["Option"][];
            }[];
            readonly common_options: readonly components["schemas"]["Option"][];
        };
        readonly Store: {
            readonly name: string;
            readonly version: string;
            readonly snapshot: string;
            readonly events: number;
            readonly customers: number;
            readonly first: string | null;
            readonly last: string | null;
            readonly time_zone: string;
            readonly case_keys: readonly {
                readonly name: string;
                readonly cases: number;
            }[];
            readonly touchpoints: readonly {
                readonly name: string;
                readonly stage: string;
                readonly channel: string;
                readonly owner: string;
                readonly actor: string;
                readonly events: number;
            }[];
            readonly properties: readonly {
                readonly name: string;
                readonly type: string;
            }[];
            readonly segments: readonly {
                readonly name: string;
                readonly condition: string;
            }[];
            readonly annotations: readonly {
                readonly from: string;
                readonly to: string;
                readonly text: string;
            }[];
        };
        readonly Language: {
            readonly words: readonly {
                readonly name: string;
                readonly kind: "function" |
            "operator" |
            "value" |
            "selector" |
            "window" |
            "pattern";
                readonly where: "event" | "selector" | "case";
                readonly usage: string;
                readonly meaning: string;
            }[];
        };
        readonly Done: Record<string, never>;
        readonly Asked: {
            readonly options?: {
                readonly [key: string]: string |
            number |
            boolean |
            readonly (string |
            number |
            boolean)[] |
            null;
            };
        };
        readonly Expression: {
            readonly expression: string;
            readonly kind?: "any" | "event" | "selector" | "case";
        };
        readonly Statement: {
            readonly statement: string;
            readonly limit?: number;
        };
        readonly Board: {
            readonly name: string;
            readonly title?: string;
            readonly source?: "settings" | "saved" | "shipped";
            readonly tiles: readonly Record<string, never>[];
        };
        readonly Boards: {
            readonly boards: readonly components["schemas"]["Board"][];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
