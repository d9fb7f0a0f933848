#include <zlib.h>

// Swift cannot call macros with sizeof in them. 16 asks for gzip's frame.
static inline int citycode_gzip_deflate_init(z_stream *stream, int level) {
  return deflateInit2(stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}
