/* One stream's ZMTP handshake (RFC 37, 23, and the old ones: 15, 13), from bytes to a verdict. It
 * knows nothing of streams or sockets: bytes from the peer go in, bytes for the peer come out, and
 * at last either READY with the peer's type, version and identity, or a reason to close. Nothing is
 * allocated, but for what libgssapi makes of GSSAPI's tokens.
 *
 * What a mechanism does after the greeting is behind a table of operations; a new one is a
 * file. */
#ifndef ZL_CONTROL_HANDSHAKE_HANDSHAKE_H
#define ZL_CONTROL_HANDSHAKE_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/ipc/ipc.h"
#include "control/reasons.h"
#include "control/security/security.h"

#define ZL_GREETING_MAX     (14 + ZL_IDENTITY_MAX) /* ZMTP 2.0's, identity included */
#define ZL_MECHANISM_BYTES  20
#define ZL_METADATA_MAX     1024 /* our own */
#define ZL_HANDSHAKE_OUTPUT 4096 /* most that one step has to say: a Kerberos ticket */

enum zl_verdict {
	ZL_HANDSHAKE_MORE,  /* waiting for the peer */
	ZL_HANDSHAKE_READY, /* `peer_*`, `boxes` and `user` are valid; send the output, then traffic
			       may flow */
	ZL_HANDSHAKE_REFUSED, /* send the output, then close with `reason` */
	ZL_HANDSHAKE_ASK      /* send the output, and ask the ZAP handler of the socket's security:
			       * zl_handshake_answer() goes on. What the peer says meanwhile may
			       * be MORE or REFUSED */
};

struct zl_handshake;

/* Operations of a security mechanism. Each appends to the output and returns a verdict. */
struct zl_mechanism {
	const char *name; /* as in the greeting */
	bool has_server;  /* one side must be the server, the other the client */
	bool has_empty;   /* a command may have nothing in it, not even a name: its name is "" */
	enum zl_verdict (*start)(struct zl_handshake *h); /* the greetings agree */
	enum zl_verdict (*command)(struct zl_handshake *h, const char *name, const uint8_t *data,
				   size_t bytes);
	/* Will this take public-key operations, or files, so far as its length tells? NULL: none
	 * does. */
	bool (*is_dear)(const struct zl_handshake *h, size_t bytes);
	/* Gives back what it has beyond the struct; may be NULL. */
	void (*end)(struct zl_handshake *h);
	enum zl_verdict (*let_in)(struct zl_handshake *h); /* the ZAP handler does */
};

/* What the peer shows to be let in, for ZAP (RFC 27): PLAIN its name and password, CURVE its
 * long-term public key, GSSAPI its principal. */
struct zl_credential {
	uint8_t bytes, data[ZL_PASSWORD_MAX];
};
#define ZL_CREDENTIALS_MAX 2

/* The ZAP handler's word on it; zap.h reads it from a reply. */
struct zl_zap_answer {
	unsigned status;        /* 200, 300, 400 or 500 */
	char user[ZL_USER_MAX]; /* the User-Id, cut off where it is too long */
	struct zl_ipc_properties properties;
};

/* curve.c */
struct zl_curve {
	uint64_t sent, received;          /* nonces */
	uint64_t serial;                  /* a server's: of this handshake, for its cookie */
	uint8_t public_key[ZL_KEY_BYTES]; /* our short-term pair; the server's is in its cookie */
	uint8_t secret_key[ZL_KEY_BYTES];
	uint8_t peer_key[ZL_KEY_BYTES]; /* the peer's short-term key */
};

/* gssapi.c */
struct zl_gss {
	struct gss_ctx_id_struct *context; /* libgssapi's */
	uint64_t received;                 /* the number of the peer's READY */
	uint8_t *exported; /* the context, when READY: `boxes` say whether there is one */
	uint32_t exported_bytes;
};

struct zl_handshake {
	const struct zl_mechanism *mechanism;
	enum zl_socket_type type; /* ours */
	bool as_server, greeted;
	const struct zl_security *security; /* the socket's; NULL: there is none, mechanism NULL */
	const struct zl_ipc_options *options; /* the socket's, or NULL */
	bool said_version, said_rest;         /* of our own greeting, after the signature */
	uint8_t greeting[ZL_GREETING_MAX];    /* the peer's, as it comes */
	unsigned greeting_bytes;
	enum zl_reason reason;
	enum zl_socket_type peer_type;
	enum zl_zmtp_version zmtp; /* what both sides speak */
	unsigned identity_bytes;
	uint8_t identity[ZL_IDENTITY_MAX];
	struct zl_ipc_properties properties; /* the peer's others, as far as there is room */
	struct zl_ipc_boxes boxes;           /* CURVE, GSSAPI: for the core */
	char user[ZL_USER_MAX];              /* whom the peer has proved to be, or "" */
	unsigned step;                       /* of the mechanism */
	bool asking;                         /* the ZAP handler has not answered */
	unsigned credentials;
	struct zl_credential credential[ZL_CREDENTIALS_MAX];
	struct zl_curve curve;
	struct zl_gss gssapi;
	unsigned output_bytes;
	uint8_t output[ZL_HANDSHAKE_OUTPUT]; /* the caller sends it and sets output_bytes to 0 */
};

/* Datagrams (zl_ipc_flows), where nothing can be asked: READY, with the kind of peer that sends
 * what a socket of this type receives, or receives what it sends. */
enum zl_verdict zl_handshake_none(struct zl_handshake *h, enum zl_socket_type type);
/* Starts, with our signature as the output; where no ZMTP is spoken (zl_ipc_raw) there is nothing
 * to say, and it is READY. The options and the security, or NULL, must stay. */
enum zl_verdict zl_handshake_start(struct zl_handshake *h, enum zl_socket_type type, bool binds,
				   const struct zl_ipc_options *options,
				   const struct zl_security *security);
/* What a core can say by itself at an endpoint that such a socket binds. */
void zl_handshake_opening(struct zl_ipc_endpoint_set *m, enum zl_socket_type type,
			  const struct zl_ipc_options *options, const struct zl_security *security);
/* Nothing of it is left in memory; once it has been started. */
void zl_handshake_wipe(struct zl_handshake *h);
/* Bytes of the peer's greeting, in pieces of any size. READY comes of an old peer's (1.0, 2.0), of
 * which the last byte must be the greeting's. */
enum zl_verdict zl_handshake_greeting(struct zl_handshake *h, const uint8_t *bytes, size_t n);
/* One whole command: its body, without the frame's header. */
enum zl_verdict zl_handshake_command(struct zl_handshake *h, const uint8_t *body, size_t n);
/* Will that take so long that others should have a turn before it? What is refused by its looks
 * does not. */
bool zl_handshake_is_dear(const struct zl_handshake *h, const uint8_t *body, size_t n);
/* After ASK. MORE, READY or REFUSED: 300 without a word, since it may be tried again; 400 and 500
 * with an ERROR of the status, as libzmq has it. */
enum zl_verdict zl_handshake_answer(struct zl_handshake *h, const struct zl_zap_answer *answer);

extern const struct zl_mechanism zl_mechanism_null, zl_mechanism_plain, zl_mechanism_curve,
	zl_mechanism_gssapi;

/* old.c: greeting.c has found the greeting to be of this version. */
enum zl_verdict zl_handshake_zmtp_1(struct zl_handshake *h);
enum zl_verdict zl_handshake_zmtp_2(struct zl_handshake *h);
/* Appends bytes to the output. */
void zl_handshake_say_plain(struct zl_handshake *h, const void *bytes, size_t n);

/* For mechanisms. Keeps a name, cut off where it is too long. */
void zl_handshake_name(struct zl_handshake *h, const char *user);
/* Is there a ZAP handler to be asked? If so, what it is to be told, and then its ASK. */
bool zl_handshake_asks(const struct zl_handshake *h);
void zl_handshake_show(struct zl_handshake *h, const void *credential, size_t n);
enum zl_verdict zl_handshake_ask(struct zl_handshake *h);
/* Append a command's frame made of a name and data; the name "": one without either. */
void zl_handshake_say(struct zl_handshake *h, const char *name, const uint8_t *data, size_t n);
/* Refuses, where the peer can hear it with an ERROR command (RFC 37, error). */
enum zl_verdict zl_handshake_refuse(struct zl_handshake *h, enum zl_reason reason);

/* The command that a step waits for, and who takes it; any other is refused. */
struct zl_step {
	const char *name;
	enum zl_verdict (*take)(struct zl_handshake *h, const uint8_t *data, size_t n);
};
enum zl_verdict zl_handshake_step(struct zl_handshake *h, const struct zl_step *steps,
				  const char *name, const uint8_t *data, size_t n);

/* Metadata (RFC 37, "metadata"): our own, and the peer's with all that is checked in it. Both are
 * what READY carries in NULL, and what CURVE and PLAIN carry in theirs. */
size_t zl_metadata_write(const struct zl_handshake *h, uint8_t *data, size_t max);
bool zl_metadata_read(struct zl_handshake *h, const uint8_t *data, size_t n);
/* The property at the front of `data`; its bytes in all, 0: malformed. */
struct zl_property {
	char name[256];
	const uint8_t *value;
	size_t bytes;
};
size_t zl_property_next(struct zl_property *property, const uint8_t *data, size_t n);
/* Kept as it came (`n` bytes in all), to be shown; what there is no room for is not. */
void zl_property_keep(struct zl_ipc_properties *p, const uint8_t *property, size_t n);

/* May a socket of this type talk to a peer of that one? */
bool zl_socket_types_match(enum zl_socket_type type, enum zl_socket_type peer);

#endif
