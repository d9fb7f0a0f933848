// Two things that Swift has no words for: which of 64 bytes are what, and asking the processor for
// memory that will be read soon.
#include <stdint.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

// Bit i is byte i; separators are delimiters and line feeds.
typedef struct {
  uint64_t separators, feeds, quotes;
} citycode_block;

#if defined(__SSE2__)
static inline uint64_t citycode_bits(__m128i equal, int part) {
  return (uint64_t)(uint32_t)_mm_movemask_epi8(equal) << (16 * part);
}
#endif

static inline citycode_block citycode_read_block(const uint8_t *bytes, uint8_t delimiter) {
  citycode_block block = {0, 0, 0};
#if defined(__SSE2__)
  for (int part = 0; part < 4; part++) {
    const __m128i text = _mm_loadu_si128((const __m128i *)(const void *)(bytes + 16 * part));
    const __m128i feeds = _mm_cmpeq_epi8(text, _mm_set1_epi8('\n'));
    const __m128i delimiters = _mm_cmpeq_epi8(text, _mm_set1_epi8((char)delimiter));
    block.separators |= citycode_bits(_mm_or_si128(feeds, delimiters), part);
    block.feeds |= citycode_bits(feeds, part);
    block.quotes |= citycode_bits(_mm_cmpeq_epi8(text, _mm_set1_epi8('"')), part);
  }
#else
  for (int index = 0; index < 64; index++) {
    block.separators |= (uint64_t)(bytes[index] == '\n' || bytes[index] == delimiter) << index;
    block.feeds |= (uint64_t)(bytes[index] == '\n') << index;
    block.quotes |= (uint64_t)(bytes[index] == '"') << index;
  }
#endif
  return block;
}
static inline void citycode_prefetch(const void *address) { __builtin_prefetch(address); }
