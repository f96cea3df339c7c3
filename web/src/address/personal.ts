// SPDX-License-Identifier: Apache-2.0
// What names a person by itself: an e-mail address or a phone number. It is asked for, but stands
// in no address, which is sent to others, kept by the browser and written into logs.
import { entriesOf, optionsOf } from "../answers/key.ts";
import type { Options } from "../answers/types.ts";

const EMAIL = /[^\s@'"=?&]@[^\s@'"]/;
const PHONE = /^\+?[\d\s()/-]{9,}$/;
const DATE = /^\d{4}-\d\d(-\d\d)?$/;
// Within an expression: phone = '+49 170 1234567'.
const QUOTED_PHONE = /'\s*\+[\d\s()/-]{7,}'/;

export function isPersonal(text: string): boolean {
  const phone = PHONE.test(text) && /[+\s()/-]/.test(text) && !DATE.test(text);
  return phone || EMAIL.test(text) || QUOTED_PHONE.test(text);
}

// A value may be the key of an answer, which has options of its own: find?id=…
function holdsPersonal(value: string): boolean {
  const at = value.indexOf("?");
  return isPersonal(value) || (at >= 0 && namesAPerson(optionsOf(value.slice(at + 1))));
}

export function namesAPerson(options: Options): boolean {
  return entriesOf(options).some(([, value]) => holdsPersonal(value));
}

// Options that may stand in an address, and those that may not.
export function parted(options: Options): { readonly open: Options; readonly personal: Options } {
  const open: Record<string, string | readonly string[]> = {};
  const personal: Record<string, string | readonly string[]> = {};
  for (const [name, value] of Object.entries(options))
    (namesAPerson({ [name]: value }) ? personal : open)[name] = value;
  return { open, personal };
}
