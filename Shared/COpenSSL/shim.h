// The low-level SHA-256 calls are deprecated but are the only ones that let a hash state be copied
// without an allocation; this silences their warnings.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/modes.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

// Swift cannot call function-like macros nor see constants made by them: one line for each.
static inline int citycode_set_protocol_min(SSL_CTX *context, int version) {
  return (int)SSL_CTX_set_min_proto_version(context, version);
}
static inline int citycode_set_groups(SSL_CTX *context, const char *list) {
  return (int)SSL_CTX_set1_groups_list(context, list);
}
static inline void citycode_set_mode(SSL_CTX *context, long mode) {
  SSL_CTX_set_mode(context, mode);
}
static inline void citycode_set_session_cache_mode(SSL_CTX *context, long mode) {
  SSL_CTX_set_session_cache_mode(context, mode);
}
static inline void citycode_set_certificate_list_max(SSL_CTX *context, long byte_count) {
  SSL_CTX_set_max_cert_list(context, byte_count);
}
static inline int citycode_set_server_name(SSL *session, const char *name) {
  return (int)SSL_set_tlsext_host_name(session, name);
}
static inline int citycode_set_sha256_mac_key(EVP_MAC_CTX *mac, void *key, size_t byte_count) {
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key, byte_count),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, "SHA256", 0), OSSL_PARAM_END};
  return EVP_MAC_CTX_set_params(mac, parameters);
}
static const uint64_t citycode_options =
    SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE;
