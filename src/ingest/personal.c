// SPDX-License-Identifier: Apache-2.0
#include "ingest/personal.h"

#include <stdlib.h>
#include <utf8proc.h>

// Names in lower case without '_', '-' and ' ', sorted by bytes. Free text is on the list because
// people write names and addresses into it.
static const char *const personal_names[] = {
    "address", "address1", "address2", "addressline", "addressline1", "addressline2",
    "billingaddress", "birthdate", "birthday", "body", "cardnumber", "cellphone", "comment",
    "comments", "contactname", "cpf", "customeraddress", "customeremail", "customername",
    "customerphone", "dateofbirth", "deliveryaddress", "description", "dob", "email",
    "emailaddress", "familyname", "fax", "feedback", "firstname", "freetext", "fullname",
    "givenname", "housenumber", "iban", "ip", "ipaddress", "lastname", "mail", "message",
    "mobile", "mobilephone", "name", "note", "notes", "passport", "phone", "phonenumber",
    "recipient", "recipientname", "reviewcommentmessage", "reviewcommenttitle", "reviewtext",
    "shippingaddress", "signature", "ssn", "street", "streetaddress", "subject", "surname",
    "taxid", "tel", "telephone", "text", "username", "verbatim",
};

// The longest name of the list fits; what is longer is on no list.
enum { WORD_MAX = 32 };

static bool is_listed(const char *word, size_t size) {
  size_t low = 0;
  size_t high = sizeof personal_names / sizeof personal_names[0];
  while (low < high) {
    const size_t middle = (low + high) / 2;
    const size_t length = strlen(personal_names[middle]);
    int order = memcmp(personal_names[middle], word, length < size ? length : size);
    if (order == 0)
      order = (length > size) - (length < size);
    if (order == 0)
      return true;
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return false;
}

// Lower case without separators; false when the component is too long to be listed.
static bool fold(const char *text, size_t size, char *out, size_t *ret_size) {
  size_t used = 0;
  for (size_t i = 0; i < size; i++) {
    const char c = text[i];
    if (c == '_' || c == '-' || c == ' ')
      continue;
    if (used == WORD_MAX)
      return false;
    out[used++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
  }
  *ret_size = used;
  return true;
}

bool ds_personal_name(ds_str name) {
  size_t start = 0;
  if (name.size == 0) // which may have no address at all
    return false;
  for (size_t i = 0; i <= name.size; i++) {
    if (i < name.size && name.data[i] != '.')
      continue;
    char word[WORD_MAX];
    size_t size = 0;
    if (fold(name.data + start, i - start, word, &size) && is_listed(word, size))
      return true;
    start = i + 1;
  }
  return false;
}

static bool is_alnum(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (unsigned char)c >= 0x80;
}

// The general category of a text's first character (UTF8PROC_CATEGORY_CN for none), and its bytes.
static utf8proc_category_t category_at(const char *text, uint32_t size, uint32_t *ret_bytes) {
  utf8proc_int32_t character = -1;
  const utf8proc_ssize_t bytes =
      utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)size, &character);
  *ret_bytes = bytes > 0 ? (uint32_t)bytes : 0;
  return bytes > 0 ? utf8proc_category(character) : UTF8PROC_CATEGORY_CN;
}

// The bytes of a blank at the beginning of the text: ASCII's, the others of Unicode, which
// spreadsheets and web pages write, and marks without a width, which address books put around
// numbers. 0 = none.
static uint32_t blank_at(const char *text, uint32_t size) {
  if (size == 0 || (unsigned char)*text < 0x80)
    return size > 0 && (*text == ' ' || (*text >= '\t' && *text <= '\r')) ? 1 : 0;
  uint32_t bytes;
  const utf8proc_category_t category = category_at(text, size, &bytes);
  return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_CF ? bytes : 0;
}

// The same at its end.
static uint32_t blank_before(ds_str text) {
  uint32_t start = text.size;
  while (start > 0 && ((unsigned char)text.data[--start] & 0xC0) == 0x80)
    continue;
  return blank_at(text.data + start, text.size - start);
}

static ds_str trimmed(ds_str text) {
  for (uint32_t blank; (blank = blank_at(text.data, text.size)) > 0;)
    text = (ds_str){text.data + blank, text.size - blank};
  for (uint32_t blank; (blank = blank_before(text)) > 0;)
    text.size -= blank;
  return text;
}

// One '@' between a local part without spaces and a domain with a dot inside.
static bool is_email(ds_str spaced) {
  enum { EMAIL_MAX = 254, LOCAL_MAX = 64 };
  const ds_str text = trimmed(spaced);
  if (text.size < 6 || text.size > EMAIL_MAX)
    return false;
  const char *at = (const char *)memchr(text.data, '@', text.size);
  if (at == NULL || at == text.data || at - text.data > LOCAL_MAX)
    return false;
  for (const char *c = text.data; c < at; c++) {
    if (*c == ' ' || *c == '"' || *c == '<' || *c == ',' || *c == '/')
      return false;
  }
  const char *end = text.data + text.size;
  bool dot = false;
  for (const char *c = at + 1; c < end; c++) {
    if (*c == '.')
      dot = c > at + 1 && c + 2 < end;
    else if (!is_alnum(*c) && *c != '-')
      return false;
  }
  return dot && is_alnum(end[-1]);
}

// The bytes of what stands between the digits of a phone number at the beginning of the text: a
// blank, a dash, a bracket. 0 = none.
static uint32_t beside_digits(const char *text, uint32_t size) {
  if ((unsigned char)*text < 0x80 && *text != '\0' && strchr("-()./", *text) != NULL)
    return 1;
  uint32_t bytes;
  return category_at(text, size, &bytes) == UTF8PROC_CATEGORY_PD ? bytes : blank_at(text, size);
}

static bool is_phone(ds_str spaced) {
  enum { PHONE_MAX = 32, DIGITS_MIN = 8, DIGITS_MAX = 15 };
  const ds_str text = trimmed(spaced);
  if (text.size < DIGITS_MIN || text.size > PHONE_MAX ||
      (text.data[0] != '+' && text.data[0] != '('))
    return false;
  uint32_t digits = 0;
  for (uint32_t i = 0; i < text.size; i++) {
    const char c = text.data[i];
    const uint32_t beside = beside_digits(text.data + i, text.size - i);
    if (beside > 0)
      i += beside - 1;
    else if (c >= '0' && c <= '9')
      digits++;
    else if (c != '+' || i > 0)
      return false;
  }
  return digits >= DIGITS_MIN && digits <= DIGITS_MAX;
}

bool ds_personal_value(ds_str text) {
  return is_email(text) || is_phone(text);
}

ds_str ds_personal_kind(ds_str kind, ds_str text) {
  return is_email(text) ? ds_str_of("email") : is_phone(text) ? ds_str_of("phone") : kind;
}

ds_code ds_personal_normal(ds_str kind, ds_str text, ds_buf *out, ds_error *err) {
  const ds_str own = trimmed(text);
  if (ds_str_equal(kind, ds_str_of("phone"))) {
    for (uint32_t i = 0; i < own.size; i++)
      if ((own.data[i] >= '0' && own.data[i] <= '9') || (i == 0 && own.data[i] == '+'))
        ds_buf_u8(out, (uint8_t)own.data[i]);
    return ds_buf_check(out, "an identifier", err);
  }
  utf8proc_uint8_t *folded = NULL;
  const utf8proc_ssize_t size =
      utf8proc_map((const utf8proc_uint8_t *)own.data, (utf8proc_ssize_t)own.size, &folded,
                   (utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD |
                                       UTF8PROC_IGNORE));
  if (size >= 0)
    ds_buf_append(out, folded, (size_t)size);
  free(folded);
  return size < 0 ? ds_fail(err, DS_INPUT, "an identifier is not UTF-8")
                  : ds_buf_check(out, "an identifier", err);
}
