// SPDX-License-Identifier: Apache-2.0
// One self-contained HTML file: a script, a style and the data that the script reads, and nothing
// that a browser would fetch. A Content-Security-Policy in the page allows these two texts by their
// hashes and no request at all. May use base/, libsodium.
#ifndef DS_RENDER_PAGE_H
#define DS_RENDER_PAGE_H

#include "base/buf.h"
#include "base/str.h"

// What the page is made of; the script and the style as they were built.
typedef struct ds_page {
  ds_str title;
  ds_str script;
  ds_str style;
  ds_str data;      // JSON, UTF-8
  const char *id;   // of the element that holds it
  const char *words; // for those who read without the script: HTML, trusted
} ds_page;

// Appends the page. In the data "<" and the line separators U+2028 and U+2029 become \u escapes,
// which any reader of JSON turns back; so no text of it can end its element. DS_LIBRARY when the
// script or the style could end theirs: they were built wrongly.
DS_CHECKED ds_code ds_render_page(const ds_page *page, ds_buf *out, ds_error *err);

#endif
