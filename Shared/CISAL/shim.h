#include <stdlib.h>
#include <string.h>

#include <isa-l/igzip_lib.h>

// A member's header is kept beside the state, because ISA-L by itself forgets what it has read of
// one when its input ends in the middle.
typedef struct {
  struct inflate_state state;
  struct isal_gzip_header header;
} citycode_gunzip;

// Begins a member: the header is read apart, the trailer is checked.
static inline void citycode_begin_member(citycode_gunzip *gunzip) {
  isal_inflate_reset(&gunzip->state);
  gunzip->state.crc_flag = ISAL_GZIP_NO_HDR_VER;
  memset(&gunzip->header, 0, sizeof gunzip->header);
}

// On the heap, because Swift would copy its 87 kilobytes.
static inline citycode_gunzip *citycode_new_gunzip(void) {
  citycode_gunzip *gunzip = calloc(1, sizeof(citycode_gunzip));
  if (gunzip == NULL) return NULL;
  isal_inflate_init(&gunzip->state);
  citycode_begin_member(gunzip);
  return gunzip;
}

static inline void citycode_free_gunzip(citycode_gunzip *gunzip) { free(gunzip); }
