/* `zeroline keys` on files of its own: what it makes can be read again, no secret leaves its file,
 * no file is overwritten, a name has one key and a key one name, and every refusal is a line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/cli/cli.h"
#include "control/security/security.h"

#define ARGV_MAX 12

/* --- the command --- */

struct outcome {
	int status;
	char *out, *err;
};

static struct outcome zeroline(const char *line)
{
	char words[512], program[] = "zeroline", *argv[ARGV_MAX] = {program}, *save = NULL;
	struct outcome o = {0};
	size_t n;
	int argc = 1;

	snprintf(words, sizeof(words), "%s", line);
	for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	FILE *out = open_memstream(&o.out, &n), *err = open_memstream(&o.err, &n);
	o.status = cli_main(argc, argv, out, err);
	fclose(out);
	fclose(err);
	return o;
}

static void expect(const char *line, int status, const char *out, const char *err)
{
	struct outcome o = zeroline(line);

	assert_string_equal(o.err, err);
	assert_string_equal(o.out, out);
	assert_int_equal(o.status, status);
	free(o.out);
	free(o.err);
}

static int status_of(const char *line)
{
	struct outcome o = zeroline(line);

	free(o.out);
	free(o.err);
	return o.status;
}

static void done(const char *line)
{
	struct outcome o = zeroline(line);

	assert_string_equal(o.err, "");
	assert_int_equal(o.status, 0);
	free(o.out);
	free(o.err);
}

/* --- files --- */

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(name, "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static const char *read_file(const char *name)
{
	static char text[1024];
	FILE *f = fopen(name, "re");
	size_t n;

	if (!f)
		fail_msg("%s is not there", name);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	return text;
}

static mode_t mode_of(const char *name)
{
	struct stat s;

	assert_int_equal(stat(name, &s), 0);
	return s.st_mode & 07777;
}

/* Files in a folder, hidden ones, too. */
static unsigned files_in(const char *folder)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	unsigned n = 0;

	assert_non_null(d);
	while ((e = readdir(d)))
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(d);
	return n;
}

static struct zl_cert load(const char *name)
{
	struct zl_cert cert;

	assert_int_equal(zl_cert_load(&cert, name), 0);
	return cert;
}

static const char *public_z85(const char *name)
{
	static char key[4][ZL_Z85_KEY + 1];
	static unsigned turn;
	struct zl_cert cert = load(name);
	char *at = key[turn++ % 4];

	zl_z85_encode(at, cert.public_key);
	return at;
}

/* Each test has an empty folder, with an empty folder "in" in it. */
static char folder[32];

static int enter(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/zl-keys-XXXXXX");
	return mkdtemp(folder) && chdir(folder) == 0 && mkdir("in", 0755) == 0 ? 0 : -1;
}

static int forget(const char *path, const struct stat *s, int kind, struct FTW *at)
{
	(void)s, (void)kind, (void)at;
	return remove(path);
}

static int leave(void **state)
{
	(void)state;
	return chdir("/") || nftw(folder, forget, 8, FTW_DEPTH | FTW_PHYS);
}

/* --- generate --- */

static void test_a_generated_pair_loads_again_and_belongs_together(void **state)
{
	struct zl_cert open, whole, other;

	(void)state;
	expect("keys generate alice", 0,
	       "alice: ./alice.cert is public\n"
	       "alice: ./alice.cert_secret is secret: for alice alone\n",
	       "");
	open = load("alice.cert");
	whole = load("alice.cert_secret"); /* which looks whether its keys belong together */
	assert_false(open.has_secret);
	assert_true(whole.has_secret);
	assert_memory_equal(open.public_key, whole.public_key, ZL_KEY_BYTES);
	done("keys generate alice --dir in");
	other = load("in/alice.cert_secret");
	assert_memory_not_equal(other.public_key, whole.public_key, ZL_KEY_BYTES);
	assert_memory_not_equal(other.secret_key, whole.secret_key, ZL_KEY_BYTES);
}

/* zconfig_load() wants four blanks for each level, and nothing behind a value's quotes. */
static void test_certificates_are_written_as_czmq_reads_them(void **state)
{
	struct zl_cert cert;
	char text[512], open[ZL_Z85_KEY + 1], secret[ZL_Z85_KEY + 1];

	(void)state;
	done("keys generate alice");
	cert = load("alice.cert_secret");
	zl_z85_encode(open, cert.public_key);
	zl_z85_encode(secret, cert.secret_key);
	snprintf(text, sizeof(text),
		 "# A public CURVE certificate: anybody may have it.\n\n"
		 "metadata\n    name = \"alice\"\ncurve\n    public-key = \"%s\"\n",
		 open);
	assert_string_equal(read_file("alice.cert"), text);
	snprintf(text, sizeof(text),
		 "# A CURVE certificate with its secret key: for its owner alone.\n\n"
		 "metadata\n    name = \"alice\"\ncurve\n    public-key = \"%s\"\n"
		 "    secret-key = \"%s\"\n",
		 open, secret);
	assert_string_equal(read_file("alice.cert_secret"), text);
}

static void test_modes_are_right_whatever_the_umask_is(void **state)
{
	static const mode_t masks[] = {0, 022, 077};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		mode_t was = umask(masks[i]);

		done("keys generate alice");
		done("keys allow in alice.cert_secret");
		umask(was);
		assert_int_equal(mode_of("alice.cert"), 0644);
		assert_int_equal(mode_of("alice.cert_secret"), 0600);
		assert_int_equal(mode_of("in/alice.cert"), 0644);
		unlink("alice.cert");
		unlink("alice.cert_secret");
		unlink("in/alice.cert");
	}
}

static void test_generate_overwrites_nothing_and_leaves_no_half_of_a_pair(void **state)
{
	(void)state;
	write_file("alice.cert", "mine");
	expect("keys generate alice", 1, "",
	       "zeroline: ./alice.cert: is there already: give another NAME or --dir, or move it "
	       "away\n");
	assert_string_equal(read_file("alice.cert"), "mine");
	assert_int_not_equal(access("alice.cert_secret", F_OK), 0);
	write_file("in/bob.cert_secret", "mine");
	expect("keys generate bob --dir in", 1, "",
	       "zeroline: in/bob.cert_secret: is there already: give another NAME or --dir, or "
	       "move "
	       "it away\n");
	assert_string_equal(read_file("in/bob.cert_secret"), "mine");
	assert_int_equal(files_in("in"), 1);
	/* nor through a link to what is not there */
	assert_int_equal(symlink("elsewhere", "carol.cert_secret"), 0);
	assert_int_equal(status_of("keys generate carol"), 1);
	assert_int_not_equal(access("elsewhere", F_OK), 0);
	expect("keys generate dave --dir gone", 1, "",
	       "zeroline: gone/dave.cert_secret: No such file or directory: give a folder that you "
	       "may write to by --dir\n");
}

static void test_bad_names_are_refused(void **state)
{
	static const char *const bad[] = {
		"../alice",     "in/alice",
		".alice",       "alice.cert",
		"alice_secret", "_secret",
		"al\033ice",    "/alice",
		"alic\xc3\xa9", "n234567890123456789012345678901234567890123456789012345678901234"};

	(void)state;
	done("keys generate good --dir in");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char line[128];

		for (unsigned allow = 0; allow < 2; allow++) {
			snprintf(line, sizeof(line),
				 allow ? "keys allow in in/good.cert %s" : "keys generate %s",
				 bad[i]);
			struct outcome o = zeroline(line);
			assert_int_equal(o.status, EXIT_USAGE);
			assert_string_equal(o.out, "");
			assert_non_null(strstr(o.err, ": a key's name is of letters, digits, "
						      "underscore and hyphen, at most 63, and does "
						      "not end in _secret: give another NAME\n"));
			assert_null(strchr(o.err, '\033'));
			free(o.out);
			free(o.err);
		}
	}
	assert_int_equal(files_in("."), 1);
	assert_int_equal(files_in("in"), 2);
	/* the longest, and one of every kind of character */
	done("keys generate n23456789012345678901234567890123456789012345678901234567890123");
	done("keys generate A-z_0");
}

/* --- allow --- */

static void test_allow_copies_no_secret(void **state)
{
	struct zl_cert whole, open;
	char secret[ZL_Z85_KEY + 1];

	(void)state;
	done("keys generate alice");
	whole = load("alice.cert_secret");
	zl_z85_encode(secret, whole.secret_key);
	expect("keys allow in alice.cert_secret", 0, "alice: allowed by in/alice.cert\n", "");
	open = load("in/alice.cert");
	assert_false(open.has_secret);
	assert_memory_equal(open.public_key, whole.public_key, ZL_KEY_BYTES);
	assert_null(strstr(read_file("in/alice.cert"), secret));
	assert_null(strstr(read_file("in/alice.cert"), "secret-key"));
	assert_int_equal(files_in("in"), 1); /* nothing is left of the writing */
}

static void test_allow_takes_another_name_and_says_the_same_again(void **state)
{
	(void)state;
	done("keys generate alice");
	expect("keys allow in alice.cert bob", 0, "bob: allowed by in/bob.cert\n", "");
	expect("keys allow in alice.cert bob", 0, "bob: allowed by in/bob.cert\n", "");
	assert_string_equal(public_z85("in/bob.cert"), public_z85("alice.cert"));
	assert_int_equal(files_in("in"), 1);
}

static void test_a_name_has_one_key_and_a_key_one_name(void **state)
{
	const char *before;

	(void)state;
	done("keys generate alice");
	done("keys generate bob");
	done("keys allow in alice.cert");
	before = public_z85("in/alice.cert");
	expect("keys allow in bob.cert alice", 1, "",
	       "zeroline: alice: the name is taken by in/alice.cert, which has another key: revoke "
	       "it first, or give another NAME\n");
	expect("keys allow in alice.cert bob", 1, "",
	       "zeroline: alice.cert: its key is allowed already, under the name alice, by "
	       "in/alice.cert: revoke that first, or leave it so\n");
	write_file("in/bob.key", "not yet");
	expect("keys allow in bob.cert", 1, "",
	       "zeroline: bob: the name is taken by in/bob.key, which is no certificate: revoke it "
	       "first, or give another NAME\n");
	assert_string_equal(public_z85("in/alice.cert"), before);
	assert_int_equal(files_in("in"), 2);
}

/* Somebody else allowed the name since the folder was read. */
static void test_a_file_that_comes_meanwhile_is_not_replaced(void **state)
{
	struct zl_cert cert;

	(void)state;
	assert_int_equal(zl_cert_generate(&cert), 0);
	write_file("in/alice.cert", "theirs");
	assert_int_equal(zl_cert_publish("in", &cert, "alice"), -EEXIST);
	assert_string_equal(read_file("in/alice.cert"), "theirs");
	assert_int_equal(files_in("in"), 1);
}

static void test_what_was_made_is_told_as_json_without_the_secret(void **state)
{
	struct outcome o = zeroline("keys generate alice --dir in --json");
	json_t *made = json_loads(o.out, 0, NULL);
	char text[256];

	(void)state;
	assert_int_equal(o.status, 0);
	assert_int_equal(json_object_size(made), 4);
	assert_string_equal(member_text(made, "name"), "alice");
	assert_string_equal(member_text(made, "public_key"), public_z85("in/alice.cert"));
	assert_string_equal(member_text(made, "file"), "in/alice.cert");
	assert_string_equal(member_text(made, "secret_file"), "in/alice.cert_secret");
	json_decref(made);
	free(o.out);
	free(o.err);
	snprintf(text, sizeof(text),
		 "{\n  \"name\": \"alice\",\n  \"public_key\": \"%s\",\n  \"file\": "
		 "\"in/alice.cert\"\n}\n",
		 public_z85("in/alice.cert"));
	expect("keys allow in in/alice.cert_secret --json", 0, text, "");
}

static void test_what_is_no_certificate_is_not_allowed(void **state)
{
	(void)state;
	write_file("text.cert", "hello\n");
	write_file("short.cert", "curve\n    public-key = \"short\"\n");
	assert_int_equal(mkfifo("pipe.cert", 0600), 0);
	expect("keys allow in text.cert", 1, "",
	       "zeroline: text.cert: there is no public-key under \"curve\" in it: give a "
	       "certificate's file\n");
	expect("keys allow in short.cert", 1, "",
	       "zeroline: short.cert: a key in it is not 40 characters of Z85: give a "
	       "certificate's "
	       "file\n");
	expect("keys allow in in", 1, "",
	       "zeroline: in: it is not a file: give a certificate's file\n");
	expect("keys allow in pipe.cert", 1, "",
	       "zeroline: pipe.cert: it is not a file: give a certificate's file\n");
	expect("keys allow in gone.cert", 1, "",
	       "zeroline: gone.cert: No such file or directory: give a certificate's file\n");
	assert_int_equal(files_in("in"), 0);
}

static void test_a_folder_that_is_not_there_is_not_made(void **state)
{
	(void)state;
	done("keys generate alice");
	expect("keys allow who alice.cert", 1, "",
	       "zeroline: who: no such folder: make it first: mkdir who\n");
	expect("keys list who", 1, "", "zeroline: who: no such folder: make it first: mkdir who\n");
	expect("keys revoke who alice", 1, "",
	       "zeroline: who: no such folder: make it first: mkdir who\n");
	expect("keys list alice.cert", 1, "",
	       "zeroline: alice.cert: Not a directory: name a folder of public certificates\n");
	assert_int_not_equal(access("who", F_OK), 0);
}

/* --- list --- */

static void test_list_shows_whose_keys_there_are(void **state)
{
	char text[600];

	(void)state;
	expect("keys list in", 0, "no keys: 'zeroline keys allow' adds one\n", "");
	expect("keys list in --json", 0, "[]\n", "");
	done("keys generate bob --dir in"); /* its secret file is no concern of others */
	done("keys generate al");
	done("keys allow in al.cert");
	snprintf(text, sizeof(text),
		 "NAME  PUBLIC KEY                                FILE\n"
		 "al    %s  in/al.cert\n"
		 "bob   %s  in/bob.cert\n",
		 public_z85("al.cert"), public_z85("in/bob.cert"));
	expect("keys list in", 0, text, "");
	unlink("in/bob.cert");
	snprintf(text, sizeof(text),
		 "[\n  {\n    \"name\": \"al\",\n    \"public_key\": \"%s\",\n    \"file\": "
		 "\"in/al.cert\"\n  }\n]\n",
		 public_z85("al.cert"));
	expect("keys list in --json", 0, text, "");
}

static void test_list_names_what_is_no_certificate(void **state)
{
	char text[256];

	(void)state;
	done("keys generate al");
	done("keys allow in al.cert");
	write_file("in/b\033[2J.cert", "hello");
	write_file("in/c.cert", "curve\n    public-key = \"short\"\n");
	assert_int_equal(mkdir("in/d", 0755), 0);
	write_file("in/.hidden", "hello");
	snprintf(text, sizeof(text),
		 "NAME  PUBLIC KEY                                FILE\nal    %s  in/al.cert\n",
		 public_z85("al.cert"));
	expect("keys list in", 1, text,
	       "zeroline: in/b\\x1b[2J.cert: there is no public-key under \"curve\" in it: it lets "
	       "nobody in\n"
	       "zeroline: in/c.cert: a key in it is not 40 characters of Z85: it lets nobody in\n"
	       "zeroline: in/d: it is not a file: it lets nobody in\n");
}

/* --- revoke --- */

static void test_revoke_removes_every_file_of_the_name(void **state)
{
	(void)state;
	done("keys generate alice --dir in");
	done("keys generate bob");
	done("keys generate alicent");
	done("keys allow in bob.cert");
	done("keys allow in alicent.cert");
	write_file("in/alice.old.key", "no certificate, but one day?");
	expect("keys revoke in alice", 0, "alice: revoked\n", "");
	assert_int_not_equal(access("in/alice.cert", F_OK), 0);
	assert_int_not_equal(access("in/alice.old.key", F_OK), 0);
	assert_int_equal(access("in/alice.cert_secret", F_OK), 0);
	assert_int_equal(files_in("in"), 3);
	expect("keys revoke in alice", 1, "",
	       "zeroline: alice: no such name in in: 'zeroline keys list in' shows them\n");
	expect("keys revoke in bob --json", 0,
	       "{\n  \"name\": \"bob\",\n  \"files\": [\n    \"in/bob.cert\"\n  ]\n}\n", "");
	/* nothing outside the folder, whatever the name is */
	assert_int_equal(status_of("keys revoke in ../bob"), 1);
	assert_int_equal(access("bob.cert", F_OK), 0);
}

static void test_revoke_tells_who_else_has_the_key(void **state)
{
	(void)state;
	done("keys generate alice");
	done("keys allow in alice.cert");
	write_file("in/guest.cert", read_file("alice.cert"));
	expect("keys revoke in alice", 1, "alice: revoked\n",
	       "zeroline: in/guest.cert: has the same key, which may still come in: revoke guest, "
	       "too\n");
	assert_int_equal(files_in("in"), 1);
}

/* --- usage --- */

static void test_usage_errors_exit_2(void **state)
{
	(void)state;
	expect("keys", 2, "",
	       "zeroline keys: missing arguments: usage: zeroline keys generate|list|allow|revoke "
	       "ARGUMENT...\n");
	expect("keys make x", 2, "",
	       "zeroline: keys make: no such thing to do with keys: see 'zeroline help keys'\n");
	expect("keys generate", 2, "",
	       "zeroline: keys generate: usage: zeroline keys generate NAME [--dir DIR]\n");
	expect("keys list in in", 2, "", "zeroline: keys list: usage: zeroline keys list DIR\n");
	expect("keys allow in", 2, "",
	       "zeroline: keys allow: usage: zeroline keys allow DIR FILE [NAME]\n");
	expect("keys revoke in", 2, "",
	       "zeroline: keys revoke: usage: zeroline keys revoke DIR NAME\n");
	expect("keys list in --dir in", 2, "",
	       "zeroline: keys list: usage: zeroline keys list DIR\n");
	expect("ports --dir in", 2, "",
	       "zeroline ports: --dir: not an option of this command: see 'zeroline help ports'\n");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, enter, leave)
	const struct CMUnitTest tests[] = {
		T(test_a_generated_pair_loads_again_and_belongs_together),
		T(test_certificates_are_written_as_czmq_reads_them),
		T(test_modes_are_right_whatever_the_umask_is),
		T(test_generate_overwrites_nothing_and_leaves_no_half_of_a_pair),
		T(test_bad_names_are_refused),
		T(test_allow_copies_no_secret),
		T(test_allow_takes_another_name_and_says_the_same_again),
		T(test_a_name_has_one_key_and_a_key_one_name),
		T(test_a_file_that_comes_meanwhile_is_not_replaced),
		T(test_what_was_made_is_told_as_json_without_the_secret),
		T(test_what_is_no_certificate_is_not_allowed),
		T(test_a_folder_that_is_not_there_is_not_made),
		T(test_list_shows_whose_keys_there_are),
		T(test_list_names_what_is_no_certificate),
		T(test_revoke_removes_every_file_of_the_name),
		T(test_revoke_tells_who_else_has_the_key),
		T(test_usage_errors_exit_2),
	};

	return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
