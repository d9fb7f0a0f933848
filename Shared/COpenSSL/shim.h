// The low-level SHA-256 calls are deprecated but are the only ones that let a hash state be copied
// without an allocation; this silences their warnings.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/ssl.h>
