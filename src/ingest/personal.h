// SPDX-License-Identifier: Apache-2.0
// Which properties are personal by default: by name, from one shipped list, or by value, when a
// text reads as an e-mail address or a phone number; and how such texts are compared. May use
// base/. Errs on the side of the person: a mapping can say `plain`.
#ifndef DS_INGEST_PERSONAL_H
#define DS_INGEST_PERSONAL_H

#include "base/buf.h"
#include "base/str.h"

// Whether a property or identifier of this name is personal: "email", "Customer E-Mail",
// "shipping_address.street". Case, '_', '-' and ' ' do not matter; of a dotted name every
// component counts, because what lies in an address is part of it.
bool ds_personal_name(ds_str name);

// Whether a text reads as an e-mail address or as a phone number (with '+' and country code, or
// with the area code in parentheses; a bare run of digits is not taken for one, because order
// numbers look the same). Blanks around it do not matter; a blank is any of Unicode's, and what has
// no width, as the marks of direction that address books put around a number.
bool ds_personal_value(ds_str text);

// The kind of identifier that a personal text is: "email" or "phone" when it reads as one, else
// `kind`; so that one person is found by one identifier, whatever a source calls it.
ds_str ds_personal_kind(ds_str kind, ds_str text);

// Appends the text as it is compared: an e-mail address without blanks around it and without what
// has no width, in lower case and NFC; of a phone number the digits, with the '+' in front if there
// is one.
DS_CHECKED ds_code ds_personal_normal(ds_str kind, ds_str text, ds_buf *out, ds_error *err);

#endif
