// CRC-32C by the processor's own instruction, which Swift has no words for: 8 bytes in three cycles,
// where tables take twenty.
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>

// Whether this processor has the instruction. Slow in a virtual machine: ask once.
static inline int citycode_has_crc32c(void) {
  unsigned a, b, c = 0, d;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_SSE4_2) != 0;
}

// Goes on from `state` over `word_count` words of eight bytes at `bytes`.
__attribute__((target("sse4.2"))) static inline uint32_t citycode_crc32c(
    uint32_t state, const uint8_t *bytes, size_t word_count) {
  uint64_t value = state;
  for (size_t index = 0; index < word_count; index++) {
    uint64_t word;
    memcpy(&word, bytes + 8 * index, sizeof word);
    value = __builtin_ia32_crc32di(value, word);
  }
  return (uint32_t)value;
}
#else
static inline int citycode_has_crc32c(void) { return 0; }
static inline uint32_t citycode_crc32c(uint32_t state, const uint8_t *bytes, size_t word_count) {
  (void)bytes;
  (void)word_count;
  return state;
}
#endif
