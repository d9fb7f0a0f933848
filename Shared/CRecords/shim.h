// Two things that Swift has no words for: which of 64 bytes are separators, as bits, and asking the
// processor for memory that will be read soon.
#include <stdint.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

typedef struct {
  uint64_t separators;  // delimiters and line feeds
  uint64_t quotes;
} citycode_marks;

// Looks at the 64 bytes at `bytes`; bit i of the answer is byte i.
static inline citycode_marks citycode_find_marks(const uint8_t *bytes, uint8_t delimiter) {
  citycode_marks marks = {0, 0};
#if defined(__SSE2__)
  const __m128i feed = _mm_set1_epi8('\n');
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i separator = _mm_set1_epi8((char)delimiter);
  for (int part = 0; part < 4; part++) {
    const __m128i block = _mm_loadu_si128((const __m128i *)(const void *)(bytes + 16 * part));
    const __m128i ends = _mm_or_si128(_mm_cmpeq_epi8(block, feed),
                                      _mm_cmpeq_epi8(block, separator));
    const uint64_t found = (uint32_t)_mm_movemask_epi8(ends);
    const uint64_t quoted = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(block, quote));
    marks.separators |= found << (16 * part);
    marks.quotes |= quoted << (16 * part);
  }
#else
  for (int index = 0; index < 64; index++) {
    const uint64_t ends = bytes[index] == '\n' || bytes[index] == delimiter;
    marks.separators |= ends << index;
    marks.quotes |= (uint64_t)(bytes[index] == '"') << index;
  }
#endif
  return marks;
}

static inline void citycode_prefetch(const void *address) { __builtin_prefetch(address); }
