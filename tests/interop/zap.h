/* A ZAP handler (RFC 27) in a peer of libzmq's: its PLAIN servers let nobody in without one. */
#ifndef ZL_TESTS_INTEROP_ZAP_H
#define ZL_TESTS_INTEROP_ZAP_H

/* A thread that lets in who has this name and password, until the context ends. The strings must
 * outlive it. */
void zap_start(void *context, const char *user, const char *password);

#endif
