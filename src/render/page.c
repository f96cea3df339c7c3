// SPDX-License-Identifier: Apache-2.0
#include "render/page.h"

#include <sodium.h>

enum { HASH_TEXT_BYTES = sodium_base64_ENCODED_LEN(crypto_hash_sha256_BYTES,
                                                   sodium_base64_VARIANT_ORIGINAL) };

static void put_hash(ds_buf *out, ds_str text) {
  unsigned char hash[crypto_hash_sha256_BYTES];
  char shown[HASH_TEXT_BYTES];
  (void)crypto_hash_sha256(hash, (const unsigned char *)text.data, text.size);
  (void)sodium_bin2base64(shown, sizeof shown, hash, sizeof hash,
                          sodium_base64_VARIANT_ORIGINAL);
  ds_buf_printf(out, "'sha256-%s'", shown);
}

static void put_escaped(ds_buf *out, ds_str text) {
  for (uint32_t i = 0; i < text.size; i++) {
    const char c = text.data[i];
    if (c == '<' || c == '>' || c == '&' || c == '"')
      ds_buf_printf(out, "&#%d;", c);
    else
      ds_buf_u8(out, (uint8_t)c);
  }
}

// The escape of what begins at `at`, and its size there; NULL: it stands as it is.
static const char *escape_at(ds_str text, uint32_t at, uint32_t *ret_size) {
  const char *data = text.data + at;
  *ret_size = 1;
  if (*data == '<')
    return "\\u003c";
  if (text.size - at < 3)
    return NULL;
  *ret_size = 3;
  if (memcmp(data, "\xE2\x80\xA8", 3) == 0)
    return "\\u2028";
  if (memcmp(data, "\xE2\x80\xA9", 3) == 0)
    return "\\u2029";
  *ret_size = 1;
  return NULL;
}

static void put_data(ds_buf *out, ds_str data) {
  uint32_t begin = 0;
  for (uint32_t at = 0; at < data.size;) {
    uint32_t size;
    const char *escape = escape_at(data, at, &size);
    if (escape != NULL) {
      ds_buf_append(out, data.data + begin, at - begin);
      ds_buf_text(out, escape);
      begin = at + size;
    }
    at += size;
  }
  ds_buf_append(out, data.data + begin, data.size - begin);
}

// Whether a text would end the element that it stands in, or change how that is read.
static bool ends(ds_str text, const char *mark) {
  const size_t size = strlen(mark);
  for (uint32_t i = 0; i + size <= text.size; i++)
    if (ds_str_equal_nocase((ds_str){text.data + i, (uint32_t)size}, ds_str_of(mark)))
      return true;
  return false;
}

ds_code ds_render_page(const ds_page *page, ds_buf *out, ds_error *err) {
  if (ends(page->script, "</script") || ends(page->script, "<!--") || ends(page->style, "</style"))
    return ds_fail(err, DS_LIBRARY, "the files of the dashboard cannot stand in one page: they "
                   "were built wrongly");
  ds_buf_text(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                   "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                   "script-src ");
  put_hash(out, page->script);
  ds_buf_text(out, "; style-src ");
  put_hash(out, page->style);
  ds_buf_text(out, "; img-src data: blob:; base-uri 'none'; form-action 'none'\">\n"
                   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                   "<meta name=\"color-scheme\" content=\"light dark\">\n"
                   "<meta name=\"referrer\" content=\"no-referrer\">\n<title>");
  put_escaped(out, page->title);
  ds_buf_text(out, "</title>\n<style>");
  ds_buf_append(out, page->style.data, page->style.size);
  ds_buf_text(out, "</style>\n</head>\n<body>\n<div id=\"app\"></div>\n<noscript>");
  ds_buf_text(out, page->words);
  ds_buf_printf(out, "</noscript>\n<script type=\"application/json\" id=\"%s\">", page->id);
  put_data(out, page->data);
  ds_buf_text(out, "</script>\n<script>");
  ds_buf_append(out, page->script.data, page->script.size);
  ds_buf_text(out, "</script>\n</body>\n</html>\n");
  return ds_buf_check(out, "the page", err);
}
