// SPDX-License-Identifier: Apache-2.0
// Who may ask. On loopback anybody on this machine, but no page of another site: its name may be
// made to point here (so Host is checked), and a browser sends its requests here (so Origin is).
// Beyond loopback whoever has an API key.
#include <strings.h>

#include "server/server_state.h"

enum { UNAUTHORIZED = 401, FORBIDDEN = 403, MISDIRECTED = 421 };

// The host of "HOST" or "HOST:PORT"; brackets belong to it.
static ds_str host_of(const char *text) {
  const char *bracket = text[0] == '[' ? strchr(text, ']') : NULL;
  const size_t size = bracket != NULL ? (size_t)(bracket + 1 - text) : strcspn(text, ":");
  const char *port = text + size;
  if (*port == ':' && strspn(port + 1, "0123456789") != strlen(port + 1))
    return (ds_str){"", 0};
  return *port == '\0' || *port == ':' ? (ds_str){text, (uint32_t)size} : (ds_str){"", 0};
}

static bool is_local(const ds_server *server, ds_str host) {
  static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};
  const ds_str own = host_of(ds_http_address(server->http));
  for (size_t n = 0; n < sizeof names / sizeof *names; n++)
    if (ds_str_equal_nocase(host, ds_str_of(names[n])))
      return true;
  return ds_str_equal(host, own);
}

// Whether a page of this very server asks, as far as a browser says.
static bool is_own_page(const ds_http_request *request) {
  const char *origin = ds_http_header_of(request, "Origin");
  const char *host = ds_http_header_of(request, "Host");
  if (origin == NULL)
    return true;
  const char *rest = strstr(origin, "://");
  return rest != NULL && strncasecmp(origin, "http", 4) == 0 && strcasecmp(rest + 3, host) == 0;
}

static bool needs_key(const ds_http_request *request) {
  return strncmp(request->target.path, "/v1/", 4) == 0;
}

static ds_code check_key(const ds_server *server, const ds_http_request *request,
                         uint32_t *ret_status, ds_error *err) {
  static const char scheme[] = "Bearer ";
  const char *given = ds_http_header_of(request, "Authorization");
  ds_arena arena;
  const ds_api_key *keys = NULL;
  uint32_t count = 0;
  *ret_status = UNAUTHORIZED;
  if (given == NULL || strncasecmp(given, scheme, sizeof scheme - 1) != 0)
    return ds_fail(err, DS_USAGE, "an API key is needed: Authorization: Bearer KEY; `doorstep key "
                   "add NAME` makes one");
  ds_arena_init(&arena, (size_t)1 << 20);
  ds_code code = ds_api_keys_read(ds_io_posix(), server->options.store, &arena, &keys, &count, err);
  if (code != DS_OK)
    *ret_status = 0;
  else if (ds_api_key_find(keys, count, given + sizeof scheme - 1) == NULL)
    code = ds_fail(err, DS_USAGE, "the API key is not one of this store");
  ds_arena_done(&arena);
  return code;
}

ds_code ds_server_guard(void *context, const ds_http_request *request, uint32_t *ret_status,
                        ds_error *err) {
  const ds_server *server = (const ds_server *)context;
  const ds_str host = host_of(ds_http_header_of(request, "Host"));
  if (ds_http_is_loopback(server->http) && !is_local(server, host)) {
    *ret_status = MISDIRECTED;
    return ds_fail(err, DS_USAGE, "this server is called localhost here, or by the address that it "
                   "listens on");
  }
  if (!needs_key(request))
    return DS_OK;
  if (!is_own_page(request)) {
    *ret_status = FORBIDDEN;
    return ds_fail(err, DS_USAGE, "a page of another site may not ask");
  }
  return ds_http_is_loopback(server->http) ? DS_OK
                                           : check_key(server, request, ret_status, err);
}
