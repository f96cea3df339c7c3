// SPDX-License-Identifier: Apache-2.0
// Streams a file's text, decompressed. zlib and libzstd verify their checksums; what they leave to
// their caller is noticed here: data that stops before its end mark, and bytes behind it.
#include <inttypes.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "ingest/source.h"

enum { PIECE = 256 << 10 };

// One pass over one file. `in` and `out` hold PIECE bytes each.
typedef struct stream {
  const ds_source *file;
  ds_source_feed feed;
  void *context;
  uint8_t *in;
  uint8_t *out;
  uint64_t text; // bytes of text so far
  z_stream gzip;
  bool gzip_open;
  bool in_frame; // compressed data is owed more
  ZSTD_DStream *zstd;
} stream;

static ds_code cut_short(const stream *s, ds_error *err) {
  return ds_fail(err, DS_INPUT, "%s is cut short: the compressed data ends before its end mark "
                 "(after %" PRIu64 " bytes of text)", s->file->name, s->text);
}

static ds_code damaged(const stream *s, ds_error *err) {
  return ds_fail(err, DS_INPUT, "%s is damaged: the compressed data is wrong after %" PRIu64
                 " bytes of text", s->file->name, s->text);
}

static ds_code give(stream *s, const uint8_t *data, size_t size, ds_error *err) {
  s->text += size;
  return size == 0 ? DS_OK : s->feed(s->context, data, size, err);
}

// A gzip file may hold several members one after another; anything else behind one is damage.
static ds_code gzip_piece(stream *s, size_t size, ds_error *err) {
  s->gzip.next_in = s->in;
  s->gzip.avail_in = (uInt)size;
  while (s->gzip.avail_in > 0) {
    if (!s->in_frame && inflateReset(&s->gzip) != Z_OK)
      return damaged(s, err);
    s->in_frame = true;
    s->gzip.next_out = s->out;
    s->gzip.avail_out = PIECE;
    const int result = inflate(&s->gzip, Z_NO_FLUSH);
    TRY(give(s, s->out, PIECE - s->gzip.avail_out, err));
    if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
      return damaged(s, err);
    if (result == Z_STREAM_END)
      s->in_frame = false;
    else if (s->gzip.avail_in == 0 && s->gzip.avail_out > 0)
      break;
  }
  return DS_OK;
}

static ds_code zstd_piece(stream *s, size_t size, ds_error *err) {
  ZSTD_inBuffer in = {s->in, size, 0};
  bool more = true;
  while (in.pos < in.size || more) {
    ZSTD_outBuffer out = {s->out, PIECE, 0};
    const size_t owed = ZSTD_decompressStream(s->zstd, &out, &in);
    if (ZSTD_isError(owed))
      return damaged(s, err);
    TRY(give(s, s->out, out.pos, err));
    s->in_frame = owed != 0;
    more = out.pos == out.size && owed != 0;
  }
  return DS_OK;
}

static ds_code squeeze_open(stream *s, ds_error *err) {
  if (s->file->squeeze == DS_SQUEEZE_GZIP) {
    if (inflateInit2(&s->gzip, 15 + 16) != Z_OK) // 16: a gzip head and trailer, not zlib's
      return ds_fail(err, DS_MEMORY, "out of memory reading %s", s->file->name);
    s->gzip_open = true;
    s->in_frame = true;
  } else if (s->file->squeeze == DS_SQUEEZE_ZSTD) {
    s->zstd = ZSTD_createDStream();
    if (s->zstd == NULL)
      return ds_fail(err, DS_MEMORY, "out of memory reading %s", s->file->name);
    s->in_frame = true;
  }
  return DS_OK;
}

static ds_code piece_take(stream *s, size_t size, ds_error *err) {
  if (s->file->squeeze == DS_SQUEEZE_GZIP)
    return gzip_piece(s, size, err);
  if (s->file->squeeze == DS_SQUEEZE_ZSTD)
    return zstd_piece(s, size, err);
  return give(s, s->in, size, err);
}

static ds_code pieces(stream *s, ds_io *io, ds_file *handle, ds_source_feed raw,
                      ds_progress *progress, ds_error *err) {
  uint64_t size;
  TRY(io->ops->size(io, handle, &size, err));
  uint64_t reported = 0;
  for (uint64_t at = 0; at < size;) {
    const size_t piece = size - at < PIECE ? (size_t)(size - at) : PIECE;
    if (ds_progress_stopped(progress))
      return ds_fail(err, DS_INTERRUPTED, "stopped: nothing was imported");
    TRY(io->ops->read_at(io, handle, at, s->in, piece, err));
    if (raw != NULL)
      TRY(raw(s->context, s->in, piece, err));
    TRY(piece_take(s, piece, err));
    at += piece;
    if (progress != NULL && progress->report != NULL && at - reported >= (64u << 20)) {
      progress->report(progress->context, "checking", at, size, "bytes");
      reported = at;
    }
  }
  return s->in_frame ? cut_short(s, err) : DS_OK;
}

ds_code ds_source_read(ds_io *io, const ds_source *file, ds_source_feed feed, ds_source_feed raw,
                       void *context, ds_progress *progress, ds_error *err) {
  stream s = {.file = file, .feed = feed, .context = context};
  ds_file *handle = NULL;
  ds_code code = io->ops->open(io, file->path, DS_OPEN_READ, &handle, err);
  if (code != DS_OK)
    return code;
  s.in = malloc(PIECE);
  s.out = malloc(PIECE);
  if (s.in == NULL || s.out == NULL)
    code = ds_fail(err, DS_MEMORY, "out of memory reading %s", file->name);
  if (code == DS_OK)
    code = squeeze_open(&s, err);
  if (code == DS_OK)
    code = pieces(&s, io, handle, raw, progress, err);
  if (s.gzip_open)
    inflateEnd(&s.gzip);
  ZSTD_freeDStream(s.zstd);
  free(s.in);
  free(s.out);
  io->ops->close(io, handle);
  return code;
}
