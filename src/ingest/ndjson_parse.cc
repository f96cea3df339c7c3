// SPDX-License-Identifier: Apache-2.0
// simdjson's on-demand reader, walked once from front to back. No exception leaves this file: only
// error codes are used, and memory comes from malloc.
#include "ingest/ndjson_parse.h"

#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include <simdjson.h>

struct ds_ndjson {
  simdjson::ondemand::parser parser;
  char *buffer; // the line, with the padding that simdjson reads past the end
  size_t capacity;
  size_t size;
  ds_ndjson_node *nodes;
  uint32_t count;
  uint32_t nodes_capacity;
  const char *reason; // set with an error of our own
  uint32_t column;
};

extern "C" const char ds_ndjson_no_memory[] = "out of memory";

namespace {

const char too_deep[] = "nested deeper than 32";
const char too_many[] = "more values in one line than 65,536";

const char *words_of(simdjson::error_code code) {
  switch (code) {
  case simdjson::EMPTY: return "the line is empty";
  case simdjson::UTF8_ERROR: return "not valid UTF-8";
  case simdjson::MEMALLOC: return ds_ndjson_no_memory;
  case simdjson::NUMBER_ERROR: return "not a number that can be read";
  case simdjson::UNCLOSED_STRING: return "a text without its closing quote";
  case simdjson::UNESCAPED_CHARS: return "a control character in a text";
  case simdjson::STRING_ERROR: return "a wrong escape in a text";
  case simdjson::INCOMPLETE_ARRAY_OR_OBJECT: return "the object does not end";
  case simdjson::TRAILING_CONTENT: return "something follows the object";
  default: return "not valid JSON";
  }
}

bool grow(ds_ndjson *in) {
  if (in->count < in->nodes_capacity)
    return true;
  if (in->count == DS_NDJSON_NODES_MAX)
    return false;
  const uint32_t capacity = in->nodes_capacity == 0 ? 64 : in->nodes_capacity * 2;
  void *nodes = std::realloc(in->nodes, capacity * sizeof(ds_ndjson_node));
  if (nodes == nullptr)
    return false;
  in->nodes = static_cast<ds_ndjson_node *>(nodes);
  in->nodes_capacity = capacity;
  return true;
}

ds_str view_of(std::string_view text) {
  return {text.data(), static_cast<uint32_t>(text.size())};
}

simdjson::error_code fail(ds_ndjson *in, const char *reason) {
  in->reason = reason;
  return simdjson::UNEXPECTED_ERROR;
}

simdjson::error_code walk(ds_ndjson *in, simdjson::ondemand::value value,
                          ds_str key, unsigned depth);

simdjson::error_code walk_object(ds_ndjson *in, simdjson::ondemand::value value, unsigned depth) {
  simdjson::ondemand::object object;
  if (auto error = value.get_object().get(object); error)
    return error;
  for (auto item : object) {
    simdjson::ondemand::field field;
    if (auto error = std::move(item).get(field); error)
      return error;
    std::string_view name;
    if (auto error = field.unescaped_key().get(name); error)
      return error;
    if (auto error = walk(in, field.value(), view_of(name), depth + 1); error)
      return error;
  }
  return simdjson::SUCCESS;
}

simdjson::error_code walk_array(ds_ndjson *in, simdjson::ondemand::value value, unsigned depth) {
  simdjson::ondemand::array array;
  if (auto error = value.get_array().get(array); error)
    return error;
  for (auto item : array) {
    simdjson::ondemand::value inner;
    if (auto error = std::move(item).get(inner); error)
      return error;
    if (auto error = walk(in, inner, {nullptr, 0}, depth + 1); error)
      return error;
  }
  return simdjson::SUCCESS;
}

// A whole number that fits int64 stays one; all others become doubles.
simdjson::error_code read_number(ds_ndjson_node *node, simdjson::ondemand::value value) {
  simdjson::ondemand::number number;
  if (value.get_number().get(number) != simdjson::SUCCESS) {
    node->kind = DS_NDJSON_NUMBER;
    return value.get_double().get(node->number);
  }
  node->kind = number.is_int64() ? DS_NDJSON_INTEGER : DS_NDJSON_NUMBER;
  node->i = number.is_int64() ? number.get_int64() : 0;
  node->number = number.as_double();
  return simdjson::SUCCESS;
}

simdjson::error_code read_scalar(ds_ndjson_node *node, simdjson::ondemand::value value,
                                 simdjson::ondemand::json_type type) {
  if (type == simdjson::ondemand::json_type::string) {
    std::string_view text;
    node->kind = DS_NDJSON_TEXT;
    const auto error = value.get_string().get(text);
    node->text = view_of(text);
    return error;
  }
  if (type == simdjson::ondemand::json_type::number)
    return read_number(node, value);
  if (type == simdjson::ondemand::json_type::boolean) {
    bool truth = false;
    node->kind = DS_NDJSON_BOOL;
    const auto error = value.get_bool().get(truth);
    node->i = truth;
    return error;
  }
  bool null = false;
  if (auto error = value.is_null().get(null); error)
    return error;
  return null ? simdjson::SUCCESS : simdjson::N_ATOM_ERROR;
}

simdjson::error_code walk(ds_ndjson *in, simdjson::ondemand::value value,
                          ds_str key, unsigned depth) {
  if (depth > DS_NDJSON_DEPTH_MAX)
    return fail(in, too_deep);
  if (!grow(in))
    return fail(in, in->count == DS_NDJSON_NODES_MAX ? too_many : ds_ndjson_no_memory);
  simdjson::ondemand::json_type type;
  const uint32_t index = in->count++;
  std::string_view token = value.raw_json_token();
  in->column = static_cast<uint32_t>(token.data() - in->buffer) + 1;
  in->nodes[index] = {};
  in->nodes[index].key = key;
  in->nodes[index].column = in->column;
  if (auto error = value.type().get(type); error)
    return error;
  simdjson::error_code error = simdjson::SUCCESS;
  if (type == simdjson::ondemand::json_type::object) {
    in->nodes[index].kind = DS_NDJSON_OBJECT;
    error = walk_object(in, value, depth);
  } else if (type == simdjson::ondemand::json_type::array) {
    in->nodes[index].kind = DS_NDJSON_ARRAY;
    error = walk_array(in, value, depth);
  } else {
    error = read_scalar(&in->nodes[index], value, type);
  }
  in->nodes[index].next = in->count;
  return error;
}

bool take_line(ds_ndjson *in, const char *line, size_t size) {
  if (size > in->capacity || in->buffer == nullptr) {
    const size_t capacity = size < 4096 ? 4096 : size * 2;
    void *buffer = std::realloc(in->buffer, capacity + simdjson::SIMDJSON_PADDING);
    if (buffer == nullptr)
      return false;
    in->buffer = static_cast<char *>(buffer);
    in->capacity = capacity;
  }
  std::memcpy(in->buffer, line, size);
  std::memset(in->buffer + size, 0, simdjson::SIMDJSON_PADDING);
  in->size = size;
  return true;
}

// The first byte that begins no valid character, 1-based.
uint32_t invalid_column(const ds_ndjson *in) {
  size_t at = 0;
  while (at < in->size) {
    size_t length = 1;
    while (length <= 4 && at + length <= in->size &&
           !simdjson::validate_utf8(in->buffer + at, length))
      length++;
    if (length > 4 || at + length > in->size)
      break;
    at += length;
  }
  return static_cast<uint32_t>(at) + 1;
}

simdjson::error_code read_line(ds_ndjson *in) {
  simdjson::ondemand::document document;
  simdjson::ondemand::value root;
  const auto begun = in->parser.iterate(in->buffer, in->size,
                                        in->capacity + simdjson::SIMDJSON_PADDING)
                         .get(document);
  if (begun != simdjson::SUCCESS)
    return begun;
  if (document.get_value().get(root) != simdjson::SUCCESS)
    return fail(in, "not an object: a line holds one {...}");
  simdjson::error_code error = walk(in, root, {nullptr, 0}, 0);
  const char *place = nullptr;
  // At the end of the document there is no current location.
  if (error == simdjson::SUCCESS &&
      document.current_location().get(place) != simdjson::OUT_OF_BOUNDS)
    error = simdjson::TRAILING_CONTENT;
  if (error != simdjson::SUCCESS && in->reason == nullptr &&
      document.current_location().get(place) == simdjson::SUCCESS && place >= in->buffer &&
      place <= in->buffer + in->size)
    in->column = static_cast<uint32_t>(place - in->buffer) + 1;
  return error;
}

} // namespace

bool ds_ndjson_is_limit(const char *reason) { return reason == too_deep || reason == too_many; }

// The parentheses make all members zero.
ds_ndjson *ds_ndjson_new(void) { return new (std::nothrow) ds_ndjson(); }

void ds_ndjson_free(ds_ndjson *parser) {
  if (parser == nullptr)
    return;
  std::free(parser->buffer);
  std::free(parser->nodes);
  delete parser;
}

const char *ds_ndjson_read(ds_ndjson *parser, const char *line, size_t size,
                           const ds_ndjson_node **ret_nodes, uint32_t *ret_count,
                           uint32_t *ret_column) {
  parser->count = 0;
  parser->column = 1;
  parser->reason = nullptr;
  simdjson::error_code error = simdjson::MEMALLOC;
  if (take_line(parser, line, size))
    error = read_line(parser);
  if (error == simdjson::SUCCESS) {
    *ret_nodes = parser->nodes;
    *ret_count = parser->count;
    return nullptr;
  }
  *ret_column = error == simdjson::UTF8_ERROR ? invalid_column(parser) : parser->column;
  return parser->reason != nullptr ? parser->reason : words_of(error);
}
