/* `zeroline keys`: pairs of CURVE keys, and the folder of those that may come in. It works on files
 * alone; an appliance that runs looks at them by itself. */
#include "control/cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "control/cli/table.h"
#include "control/security/security.h"

/* One line, in which nothing that a file is called does anything to a terminal. */
__attribute__((format(printf, 3, 4))) static int fail(const struct cli *cli, int status,
						      const char *format, ...)
{
	char line[2 * ZL_CERT_PATH], *text;
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	text = text_printable(line);
	fprintf(cli->err, "zeroline: %s\n", text);
	free(text);
	return status;
}

static void dump(const struct cli *cli, const json_t *result)
{
	json_dumpf(result, cli->out, JSON_INDENT(2));
	fputc('\n', cli->out);
}

/* What was done: as JSON, or in words. */
__attribute__((format(printf, 3, 4))) static void say(const struct cli *cli, const json_t *result,
						      const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (cli->json)
		dump(cli, result);
	else
		vfprintf(cli->out, format, args);
	va_end(args);
}

static int bad_name(const struct cli *cli, const char *name)
{
	return fail(
		cli, EXIT_USAGE,
		"\"%s\": a key's name is of letters, digits, underscore and hyphen, at most %d, "
		"and does not end in _secret: give another NAME",
		name, ZL_USER_MAX - 1);
}

static json_t *text(const char *any)
{
	char *printable = text_printable(any);
	json_t *s = json_string(printable);

	free(printable);
	return s;
}

/* --- a folder, as read --- */

struct file {
	char *path, owner[ZL_USER_MAX], key[ZL_Z85_KEY + 1];
	int error; /* other than 0: there is no key */
};

struct folder {
	struct file *at; /* by owner */
	size_t n;
};

static int take_file(void *context, const char *path, const char *owner, const struct zl_cert *cert,
		     int error)
{
	struct folder *f = context;
	struct file *at = realloc(f->at, (f->n + 1) * sizeof(*at));

	if (!at)
		return -ENOMEM;
	f->at = at;
	at += f->n;
	*at = (struct file){.path = strdup(path), .error = error};
	if (!at->path)
		return -ENOMEM;
	snprintf(at->owner, sizeof(at->owner), "%s", owner);
	zl_z85_encode(at->key, cert->public_key);
	f->n++;
	return 0;
}

static int by_owner(const void *a, const void *b)
{
	const struct file *x = a, *y = b;
	int order = strcmp(x->owner, y->owner);

	return order ? order : strcmp(x->path, y->path);
}

static void folder_close(struct folder *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->at[i].path);
	free(f->at);
}

/* 0, or the exit status, told; to be closed in either case. */
static int folder_open(const struct cli *cli, struct folder *f, const char *path)
{
	int error = zl_cert_each(path, take_file, f);

	if (error == -ENOENT)
		return fail(cli, EXIT_FAILED, "%s: no such folder: make it first: mkdir %s", path,
			    path);
	if (error)
		return fail(cli, EXIT_FAILED, "%s: %s: name a folder of public certificates", path,
			    strerror(-error));
	if (f->n)
		qsort(f->at, f->n, sizeof(*f->at), by_owner);
	return EXIT_SUCCESS;
}

/* --- generate --- */

/* The secret file first: no public one is left without. */
static int create(const struct cli *cli, const struct zl_cert *cert, const char *name,
		  char path[2][ZL_CERT_PATH])
{
	const char *wrong = path[true];
	int error = zl_cert_create(wrong, cert, name, true);

	if (!error) {
		wrong = path[false];
		error = zl_cert_create(wrong, cert, name, false);
		if (error)
			unlink(path[true]);
	}
	if (error == -EEXIST)
		return fail(cli, EXIT_FAILED,
			    "%s: is there already: give another NAME or --dir, or move it away",
			    wrong);
	if (error)
		return fail(cli, EXIT_FAILED,
			    "%s: %s: give a folder that you may write to by --dir", wrong,
			    strerror(-error));
	return EXIT_SUCCESS;
}

static int write_pair(const struct cli *cli, const struct zl_cert *cert, const char *name)
{
	const char *folder = cli->dir ? cli->dir : ".";
	char path[2][ZL_CERT_PATH], key[ZL_Z85_KEY + 1];
	json_t *result;
	int status;

	if (zl_cert_path(path[false], folder, name, false) ||
	    zl_cert_path(path[true], folder, name, true))
		return fail(cli, EXIT_USAGE, "--dir: its path is too long: give a shorter one");
	status = create(cli, cert, name, path);
	if (status)
		return status;
	zl_z85_encode(key, cert->public_key);
	result = json_pack("{s:s, s:s, s:o, s:o}", "name", name, "public_key", key, "file",
			   text(path[false]), "secret_file", text(path[true]));
	say(cli, result, "%s: %s is public\n%s: %s is secret: for %s alone\n", name,
	    member_text(result, "file"), name, member_text(result, "secret_file"), name);
	json_decref(result);
	return EXIT_SUCCESS;
}

static int generate_pair(struct cli *cli, const struct command *command)
{
	const char *name = cli->args[2];
	struct zl_cert *cert;
	int status;

	(void)command;
	if (!zl_cert_name_good(name))
		return bad_name(cli, name);
	cert = sodium_init() < 0 ? NULL : sodium_malloc(sizeof(*cert));
	if (!cert || zl_cert_generate(cert))
		return fail(cli, EXIT_FAILED, "no memory for a key: free some");
	status = write_pair(cli, cert, name);
	sodium_free(cert); /* wipes */
	return status;
}

/* --- list --- */

static void show_folder(const struct cli *cli, const struct command *command,
			const struct folder *f)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < f->n; i++)
		if (!f->at[i].error)
			json_array_append_new(rows,
					      json_pack("{s:o, s:s, s:o}", "name",
							text(f->at[i].owner), "public_key",
							f->at[i].key, "file", text(f->at[i].path)));
	if (cli->json)
		dump(cli, rows);
	else
		show_list(cli, command, rows);
	json_decref(rows);
}

static int list_folder(struct cli *cli, const struct command *command)
{
	struct folder f = {0};
	int status = folder_open(cli, &f, cli->args[2]);

	if (status == EXIT_SUCCESS) {
		show_folder(cli, command, &f);
		for (size_t i = 0; i < f.n; i++)
			if (f.at[i].error)
				status = fail(cli, EXIT_FAILED, "%s: %s: it lets nobody in",
					      f.at[i].path, zl_cert_error(f.at[i].error));
	}
	folder_close(&f);
	return status;
}

/* --- allow --- */

/* A name has one key, and a key one name: EXIT_SUCCESS, or told. */
static int clash(const struct cli *cli, const struct file *at, const char *name, const char *key)
{
	bool same_name = strcmp(at->owner, name) == 0;
	bool same_key = !at->error && strcmp(at->key, key) == 0;

	if (same_name && !same_key)
		return fail(
			cli, EXIT_FAILED,
			"%s: the name is taken by %s, %s: revoke it first, or give another NAME",
			name, at->path,
			at->error ? "which is no certificate" : "which has another key");
	if (same_key && !same_name)
		return fail(cli, EXIT_FAILED,
			    "%s: its key is allowed already, under the name %s, by %s: revoke that "
			    "first, or leave it so",
			    cli->args[3], at->owner, at->path);
	return EXIT_SUCCESS;
}

static int publish(const struct cli *cli, const struct zl_cert *cert, const char *name)
{
	const char *folder = cli->args[2];
	int error = zl_cert_publish(folder, cert, name);

	return error ? fail(cli, EXIT_FAILED, "%s/%s.cert: %s: may you write to that folder?",
			    folder, name, strerror(-error))
		     : EXIT_SUCCESS;
}

static int allow_key(const struct cli *cli, const struct folder *f, const struct zl_cert *cert,
		     const char *name)
{
	char path[ZL_CERT_PATH], key[ZL_Z85_KEY + 1];
	const char *there = NULL;
	json_t *result;
	int status = EXIT_SUCCESS;

	zl_z85_encode(key, cert->public_key);
	for (size_t i = 0; !status && i < f->n; i++) {
		status = clash(cli, &f->at[i], name, key);
		if (strcmp(f->at[i].owner, name) == 0)
			there = f->at[i].path;
	}
	if (!status && !there)
		status = publish(cli, cert, name);
	if (status)
		return status;
	if (!there && zl_cert_path(path, cli->args[2], name, false) == 0)
		there = path;
	result = json_pack("{s:s, s:s, s:o}", "name", name, "public_key", key, "file", text(there));
	say(cli, result, "%s: allowed by %s\n", name, member_text(result, "file"));
	json_decref(result);
	return EXIT_SUCCESS;
}

static int allow_file(struct cli *cli, const struct command *command)
{
	const char *file = cli->args[3], *slash = strrchr(file, '/');
	char owner[ZL_USER_MAX];
	const char *name = cli->nargs > 4 ? cli->args[4] : owner;
	struct folder f = {0};
	struct zl_cert cert;
	int status, error = zl_cert_load(&cert, file);

	(void)command;
	if (error)
		return fail(cli, EXIT_FAILED, "%s: %s: give a certificate's file", file,
			    zl_cert_error(error));
	sodium_memzero(cert.secret_key, sizeof(cert.secret_key)); /* nobody's business here */
	zl_cert_owner(owner, slash ? slash + 1 : file);
	if (!zl_cert_name_good(name))
		return bad_name(cli, name);
	status = folder_open(cli, &f, cli->args[2]);
	if (status == EXIT_SUCCESS)
		status = allow_key(cli, &f, &cert, name);
	folder_close(&f);
	return status;
}

/* --- revoke --- */

/* Whoever has this key, which was NAME's, under another name. */
static int still_allowed(const struct cli *cli, const struct folder *f, const char *name,
			 const char *key)
{
	int status = EXIT_SUCCESS;

	for (size_t i = 0; i < f->n; i++) {
		const struct file *at = &f->at[i];

		if (!at->error && strcmp(at->owner, name) != 0 && strcmp(at->key, key) == 0)
			status = fail(cli, EXIT_FAILED,
				      "%s: has the same key, which may still come in: revoke %s, "
				      "too",
				      at->path, at->owner);
	}
	return status;
}

/* Each file of this name, whatever its suffix is. */
static int remove_files(const struct cli *cli, const struct folder *f, const char *name,
			json_t *removed)
{
	for (size_t i = 0; i < f->n; i++) {
		const char *path = f->at[i].path;
		int error;

		if (strcmp(f->at[i].owner, name) != 0)
			continue;
		error = zl_cert_remove(cli->args[2], path);
		if (error)
			return fail(cli, EXIT_FAILED, "%s: %s: may you write to that folder?", path,
				    strerror(-error));
		json_array_append_new(removed, text(path));
	}
	if (json_array_size(removed) == 0)
		return fail(cli, EXIT_FAILED,
			    "%s: no such name in %s: 'zeroline keys list %s' shows them", name,
			    cli->args[2], cli->args[2]);
	return EXIT_SUCCESS;
}

static int revoke_name(struct cli *cli, const struct command *command)
{
	const char *name = cli->args[3];
	json_t *removed = json_array(), *result;
	struct folder f = {0};
	int status = folder_open(cli, &f, cli->args[2]);

	(void)command;
	if (status == EXIT_SUCCESS)
		status = remove_files(cli, &f, name, removed);
	if (status == EXIT_SUCCESS) {
		result = json_pack("{s:o, s:O}", "name", text(name), "files", removed);
		say(cli, result, "%s: revoked\n", member_text(result, "name"));
		json_decref(result);
		for (size_t i = 0; i < f.n; i++)
			if (!f.at[i].error && strcmp(f.at[i].owner, name) == 0)
				status |= still_allowed(cli, &f, name, f.at[i].key);
	}
	folder_close(&f);
	json_decref(removed);
	return status;
}

/* --- which of them --- */

static const struct action {
	const char *name, *args;
	unsigned least, most; /* arguments after the name */
	int (*run)(struct cli *cli, const struct command *command);
} actions[] = {
	{"generate", "NAME [--dir DIR]", 1, 1, generate_pair},
	{"list", "DIR", 1, 1, list_folder},
	{"allow", "DIR FILE [NAME]", 2, 3, allow_file},
	{"revoke", "DIR NAME", 2, 2, revoke_name},
};

int run_keys(struct cli *cli, const struct command *command)
{
	unsigned given = cli->nargs - 2;

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		const struct action *a = &actions[i];

		if (strcmp(cli->args[1], a->name) != 0)
			continue;
		if (given < a->least || given > a->most ||
		    (cli->given & OPT_DIR && a->run != generate_pair))
			return fail(cli, EXIT_USAGE, "keys %s: usage: zeroline keys %s %s", a->name,
				    a->name, a->args);
		return a->run(cli, command);
	}
	return fail(cli, EXIT_USAGE,
		    "keys %s: no such thing to do with keys: see 'zeroline help keys'",
		    cli->args[1]);
}
