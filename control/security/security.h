/* What a socket demands of its peers, and shows them (RFC 23, "Security Mechanisms"; 24, 25, 26,
 * 38): as its configuration says, read into memory that is locked, and wiped when it goes.
 *
 * Who may come in is a keyring or a list of users, in files that a person or `zeroline keys`
 * changes; they are read again when they have changed, and decided by names that `zeroline peers`
 * shows. */
#ifndef ZL_CONTROL_SECURITY_SECURITY_H
#define ZL_CONTROL_SECURITY_SECURITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/ipc/ipc.h"

#define ZL_KEY_BYTES    32
#define ZL_Z85_KEY      40  /* characters of a key in Z85 (RFC 32) */
#define ZL_PASSWORD_MAX 255 /* bytes (RFC 24); of a user's name, too */

enum zl_mechanism_kind {
	ZL_MECHANISM_NULL,
	ZL_MECHANISM_PLAIN,
	ZL_MECHANISM_CURVE,
	ZL_MECHANISM_GSSAPI
};

struct zl_keyring;    /* public keys that may come in, each with its name */
struct zl_users;      /* names and passwords that may come in */
struct zl_principals; /* Kerberos principals that may come in */
struct zl_gssapi;     /* Kerberos credentials: gssapi.h */

/* A ZAP handler (RFC 27) that decides instead of files. */
#define ZL_DOMAIN_MAX 255
struct zl_zap_at {
	char endpoint[ZL_ENDPOINT_MAX]; /* as written */
	struct zl_ipc_sockaddr address; /* the kernel's: tcp or ipc */
	char domain[ZL_DOMAIN_MAX + 1];
	uint32_t timeout_ms;
};

struct zl_security {
	enum zl_mechanism_kind mechanism;
	bool server; /* of the two peers, this one is; libzmq's ZMQ_CURVE_SERVER, ZMQ_PLAIN_SERVER
		      */
	/* CURVE: our long-term pair; client: the server's key; server: whom it lets in, NULL:
	 * anybody, who then has no name. */
	uint8_t public_key[ZL_KEY_BYTES], secret_key[ZL_KEY_BYTES];
	uint8_t server_key[ZL_KEY_BYTES];
	struct zl_keyring *keyring;
	bool zap; /* asks the handler at zap_at: of NULL both peers, of the others a server */
	struct zl_zap_at zap_at;
	/* PLAIN: client: what it says; server without ZAP: whom it lets in, never NULL. */
	char user[ZL_PASSWORD_MAX + 1], password[ZL_PASSWORD_MAX + 1];
	struct zl_users *users;
	/* GSSAPI: our credentials; whether traffic goes in the clear after the handshake, as it
	 * must on both sides; server: whom it lets in, NULL: anybody. */
	struct zl_gssapi *gssapi;
	bool plaintext;
	struct zl_principals *principals;
};

/* NULL: no memory. free() wipes, and takes what belongs to it along. */
struct zl_security *zl_security_new(void);
void zl_security_free(struct zl_security *s);

/* A file that was passed over, and what is wrong with it. */
typedef void zl_keyring_skip(void *context, const char *file, const char *why);

/* Looks whether files have changed, and reads them again. True: somebody may have been let in, or
 * be no more let in. */
bool zl_security_changed(struct zl_security *s, zl_keyring_skip *skipped, void *context);
/* May who came in by this name stay, so far as the last call of zl_security_changed() tells? */
bool zl_security_keeps(const struct zl_security *s, const char *name);

/* z85.c */
void zl_z85_encode(char text[ZL_Z85_KEY + 1], const uint8_t key[ZL_KEY_BYTES]);
bool zl_z85_decode(uint8_t key[ZL_KEY_BYTES], const char *text); /* false: it is none */

/* cert.c */
struct zl_cert {
	bool has_public, has_secret;
	uint8_t public_key[ZL_KEY_BYTES], secret_key[ZL_KEY_BYTES];
};
/* 0, or -errno, of which zl_cert_error() says what it means; wipe in either case. */
int zl_cert_load(struct zl_cert *cert, const char *file);
const char *zl_cert_error(int error);
void zl_cert_wipe(struct zl_cert *cert);

/* folder.c: a folder of public certificates, as keyrings and `zeroline keys` have it. The owner's
 * name is the file's up to its first dot. */
#define ZL_CERT_PATH 4096
/* Of each file that may be one: its path, its owner, and error 0 and its certificate, or what
 * zl_cert_error() explains. What it returns other than 0 ends the walk, and is its result. */
typedef int zl_cert_visit(void *context, const char *path, const char *owner,
			  const struct zl_cert *cert, int error);
int zl_cert_each(const char *folder, zl_cert_visit *visit, void *context);
/* May a file of this name be a public certificate? */
bool zl_cert_is_public(const char *file);
/* Letters, digits, underscore and hyphen, not ending in _secret: what names may be given. */
bool zl_cert_name_good(const char *name);
void zl_cert_owner(char owner[ZL_USER_MAX], const char *file);
/* FOLDER/NAME.cert, or .cert_secret; 0 or -ENAMETOOLONG. */
int zl_cert_path(char path[ZL_CERT_PATH], const char *folder, const char *name, bool secret);

/* cert_write.c: files are made whole or not at all, and none is overwritten: -EEXIST. `name` is
 * told in the file. */
int zl_cert_generate(struct zl_cert *cert);
/* A new file, readable by all, or with the secret key and for its owner alone. */
int zl_cert_create(const char *path, const struct zl_cert *cert, const char *name, bool secret);
/* The public part as FOLDER/NAME.cert, at once, and lasting: who reads the folder never sees half
 * of it. */
int zl_cert_publish(const char *folder, const struct zl_cert *cert, const char *name);
int zl_cert_remove(const char *folder, const char *path);

/* keyring.c: open() 0 or -errno of the folder; close in either case. */
int zl_keyring_open(struct zl_keyring **keyring, const char *folder, zl_keyring_skip *skipped,
		    void *context);
void zl_keyring_close(struct zl_keyring *k);
bool zl_keyring_changed(struct zl_keyring *k, zl_keyring_skip *skipped, void *context);
/* The name of this public key's owner, until the keyring is next read; NULL: it may not come in. */
const char *zl_keyring_find(const struct zl_keyring *k, const uint8_t key[ZL_KEY_BYTES]);
bool zl_keyring_has(const struct zl_keyring *k, const char *name);
/* Has this name still each key that it had before the keyring was last found to have changed? One
 * that was taken from it may be the one by which somebody came in. */
bool zl_keyring_keeps(const struct zl_keyring *k, const char *name);

/* users.c: open() 0 or -errno, -EBADMSG: of this line; close in either case. */
int zl_users_open(struct zl_users **users, const char *file, unsigned *line);
void zl_users_close(struct zl_users *u);
bool zl_users_changed(struct zl_users *u);
/* Is this the user's password? In constant time, also where there is no such user. */
bool zl_users_check(const struct zl_users *u, const char *user, size_t user_bytes,
		    const char *password, size_t password_bytes);
/* Is this user there, and with no other password than before the file was last found to have
 * changed? Of a longer name, what a stream keeps of it (ZL_USER_MAX). */
bool zl_users_keeps(const struct zl_users *u, const char *name);

/* principals.c: open() 0 or -errno; close in either case. */
int zl_principals_open(struct zl_principals **principals, const char *file);
void zl_principals_close(struct zl_principals *p);
bool zl_principals_changed(struct zl_principals *p);
bool zl_principals_has(const struct zl_principals *p, const char *name, size_t bytes);
/* The same; of a longer name, by what a stream keeps of it (ZL_USER_MAX). */
bool zl_principals_keeps(const struct zl_principals *p, const char *name);

#endif
