#include <stdlib.h>

#include <isa-l/igzip_lib.h>

// Swift would copy the 87 kilobytes of a state that it initialises.
static inline struct inflate_state *citycode_new_inflate_state(void) {
  struct inflate_state *state = malloc(sizeof(struct inflate_state));
  if (state != NULL) {
    isal_inflate_init(state);
    state->crc_flag = ISAL_GZIP;
  }
  return state;
}

static inline void citycode_reset_inflate_state(struct inflate_state *state) {
  isal_inflate_reset(state);
  state->crc_flag = ISAL_GZIP;
}

static inline void citycode_free_inflate_state(struct inflate_state *state) { free(state); }
