/* Who may come in, in files that change while they are in use: a keyring and a list of users follow
 * them, and what cannot be read lets nobody in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/security/security.h"

/* --- files, which change by being replaced: the clock of the file system may stand still --- */

static char folder[32];

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(".new", "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(rename(".new", name), 0);
}

static int enter(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/zl-keyring-XXXXXX");
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

/* --- keyrings --- */

static unsigned skips;
static char last_skip[256];

static void skipped(void *context, const char *file, const char *why)
{
	(void)context;
	skips++;
	snprintf(last_skip, sizeof(last_skip), "%s: %s", file, why);
}

static struct zl_cert pair_of(void)
{
	struct zl_cert cert;

	assert_int_equal(zl_cert_generate(&cert), 0);
	return cert;
}

static void allow(const struct zl_cert *cert, const char *name)
{
	assert_int_equal(zl_cert_publish("in", cert, name), 0);
}

static struct zl_keyring *opened(void)
{
	struct zl_keyring *k;

	skips = 0;
	assert_int_equal(zl_keyring_open(&k, "in", skipped, NULL), 0);
	return k;
}

static bool changed(struct zl_keyring *k)
{
	return zl_keyring_changed(k, skipped, NULL);
}

static void expect_name(const struct zl_keyring *k, const struct zl_cert *cert, const char *name)
{
	const char *found = zl_keyring_find(k, cert->public_key);

	if (!name) {
		assert_null(found);
		return;
	}
	assert_non_null(found);
	assert_string_equal(found, name);
	assert_true(zl_keyring_has(k, name));
}

static void test_a_key_comes_in_from_when_its_file_is_there_until_it_is_gone(void **state)
{
	struct zl_cert alice = pair_of(), bob = pair_of();
	struct zl_keyring *k;

	(void)state;
	allow(&alice, "alice");
	k = opened();
	expect_name(k, &alice, "alice");
	expect_name(k, &bob, NULL);
	assert_false(changed(k));
	allow(&bob, "bob");
	assert_true(changed(k));
	expect_name(k, &alice, "alice");
	expect_name(k, &bob, "bob");
	assert_false(changed(k));
	assert_int_equal(zl_cert_remove("in", "in/alice.cert"), 0);
	assert_true(changed(k));
	expect_name(k, &alice, NULL);
	assert_false(zl_keyring_has(k, "alice"));
	expect_name(k, &bob, "bob");
	zl_keyring_close(k);
}

static void test_a_name_may_get_another_key_and_a_key_another_name(void **state)
{
	struct zl_cert old = pair_of(), new = pair_of();
	struct zl_keyring *k;

	(void)state;
	allow(&old, "alice");
	k = opened();
	allow(&new, "new");
	assert_int_equal(rename("in/new.cert", "in/alice.cert"), 0);
	assert_true(changed(k));
	expect_name(k, &new, "alice");
	expect_name(k, &old, NULL);
	assert_int_equal(rename("in/alice.cert", "in/carol.of.north.cert"), 0);
	assert_true(changed(k));
	expect_name(k, &new, "carol"); /* up to the first dot */
	assert_false(zl_keyring_has(k, "alice"));
	zl_keyring_close(k);
}

/* Between two looks: who came in by the old key has the name, but no right to it. */
static void test_who_came_in_by_a_key_that_the_name_no_longer_has_may_not_stay(void **state)
{
	struct zl_cert old = pair_of(), new = pair_of(), bob = pair_of();
	struct zl_keyring *k;

	(void)state;
	allow(&old, "alice");
	allow(&bob, "bob");
	k = opened();
	assert_true(zl_keyring_keeps(k, "alice"));
	assert_false(zl_keyring_keeps(k, "carol"));
	assert_int_equal(zl_cert_remove("in", "in/alice.cert"), 0);
	allow(&new, "alice");
	assert_true(changed(k));
	assert_false(zl_keyring_keeps(k, "alice"));
	assert_true(zl_keyring_keeps(k, "bob"));
	assert_false(changed(k)); /* who comes in by the new one has come to stay */
	assert_true(zl_keyring_keeps(k, "alice"));
	zl_keyring_close(k);
}

static void test_a_key_of_two_names_is_kept_by_each_for_itself(void **state)
{
	struct zl_cert both = pair_of(), other = pair_of();
	struct zl_keyring *k;

	(void)state;
	allow(&both, "alice");
	allow(&both, "guest");
	k = opened();
	allow(&other, "other");
	assert_true(changed(k));
	assert_true(zl_keyring_keeps(k, "alice"));
	assert_true(zl_keyring_keeps(k, "guest"));
	assert_int_equal(zl_cert_remove("in", "in/alice.cert"), 0);
	assert_true(changed(k));
	assert_false(zl_keyring_keeps(k, "alice"));
	assert_true(zl_keyring_keeps(k, "guest"));
	expect_name(k, &both, "guest");
	zl_keyring_close(k);
}

static void test_a_file_that_cannot_be_read_lets_its_owner_out_and_nobody_else(void **state)
{
	struct zl_cert alice = pair_of(), bob = pair_of();
	struct zl_keyring *k;

	(void)state;
	allow(&alice, "alice");
	allow(&bob, "bob");
	k = opened();
	assert_int_equal(skips, 0);
	write_file("in/alice.cert", "curve\n    public-key = \"short\"\n");
	assert_true(changed(k));
	assert_int_equal(skips, 1);
	assert_string_equal(last_skip, "in/alice.cert: a key in it is not 40 characters of Z85");
	expect_name(k, &alice, NULL);
	expect_name(k, &bob, "bob");
	assert_false(changed(k)); /* told once */
	assert_int_equal(skips, 1);
	zl_keyring_close(k);
}

static void test_hidden_and_secret_files_are_not_looked_at(void **state)
{
	struct zl_cert alice = pair_of(), bob = pair_of();
	struct zl_keyring *k = opened();

	(void)state;
	assert_int_equal(zl_cert_create("in/alice.cert_secret", &alice, "alice", true), 0);
	assert_int_equal(zl_cert_create("in/.bob.cert", &bob, "bob", false), 0);
	assert_false(changed(k));
	zl_keyring_close(k);
	k = opened();
	expect_name(k, &alice, NULL);
	expect_name(k, &bob, NULL);
	assert_int_equal(skips, 0);
	zl_keyring_close(k);
}

static void test_a_folder_that_goes_lets_nobody_in_until_it_is_back(void **state)
{
	struct zl_cert alice = pair_of();
	struct zl_keyring *k;

	(void)state;
	allow(&alice, "alice");
	k = opened();
	assert_int_equal(rename("in", "away"), 0);
	assert_true(changed(k));
	expect_name(k, &alice, NULL);
	assert_false(changed(k));
	assert_int_equal(rename("away", "in"), 0);
	assert_true(changed(k));
	expect_name(k, &alice, "alice");
	zl_keyring_close(k);
}

/* --- users --- */

static struct zl_users *users_of(const char *text)
{
	struct zl_users *u;
	unsigned line;

	write_file("users", text);
	assert_int_equal(zl_users_open(&u, "users", &line), 0);
	return u;
}

static bool lets_in(const struct zl_users *u, const char *user, const char *password)
{
	return zl_users_check(u, user, strlen(user), password, strlen(password));
}

static void test_users_come_change_and_go(void **state)
{
	struct zl_users *u = users_of("alice:wonderland\nbob:builder\n");

	(void)state;
	assert_true(lets_in(u, "alice", "wonderland"));
	assert_false(lets_in(u, "alice", "builder"));
	assert_false(lets_in(u, "carol", "sings"));
	assert_false(zl_users_changed(u));
	write_file("users", "alice:looking:glass\ncarol:sings\n");
	assert_true(zl_users_changed(u));
	assert_true(lets_in(u, "alice", "looking:glass")); /* up to the first colon */
	assert_false(lets_in(u, "alice", "wonderland"));
	assert_true(lets_in(u, "carol", "sings"));
	assert_false(lets_in(u, "bob", "builder"));
	assert_false(zl_users_keeps(u, "bob"));
	assert_true(zl_users_keeps(u, "carol"));
	assert_false(zl_users_changed(u));
	zl_users_close(u);
}

static void test_who_came_in_by_another_password_may_not_stay(void **state)
{
	struct zl_users *u = users_of("alice:wonderland\nbob:builder\n");

	(void)state;
	assert_true(zl_users_keeps(u, "alice"));
	write_file("users", "bob:builder\nalice:looking glass\n");
	assert_true(zl_users_changed(u));
	assert_false(zl_users_keeps(u, "alice"));
	assert_true(zl_users_keeps(u, "bob"));
	assert_false(zl_users_changed(u));
	assert_true(zl_users_keeps(u, "alice"));
	zl_users_close(u);
}

/* Rather than whom the lines before the mistake let in. */
static void test_a_mistake_among_users_lets_nobody_in_until_it_is_mended(void **state)
{
	struct zl_users *u = users_of("alice:wonderland\n");

	(void)state;
	write_file("users", "alice:wonderland\nbob\n");
	assert_true(zl_users_changed(u));
	assert_false(lets_in(u, "alice", "wonderland"));
	assert_false(zl_users_keeps(u, "alice"));
	assert_false(zl_users_changed(u));
	write_file("users", "alice:wonderland\nbob:\n");
	assert_true(zl_users_changed(u));
	assert_true(lets_in(u, "alice", "wonderland"));
	assert_true(lets_in(u, "bob", ""));
	zl_users_close(u);
}

static void test_a_file_of_users_that_goes_lets_nobody_in_until_it_is_back(void **state)
{
	struct zl_users *u = users_of("alice:wonderland\n");

	(void)state;
	assert_int_equal(rename("users", "away"), 0);
	assert_true(zl_users_changed(u));
	assert_false(lets_in(u, "alice", "wonderland"));
	assert_false(zl_users_changed(u)); /* and is not the news each second */
	assert_int_equal(rename("away", "users"), 0);
	assert_true(zl_users_changed(u));
	assert_true(lets_in(u, "alice", "wonderland"));
	zl_users_close(u);
}

static void test_a_line_of_users_that_is_none_is_told_by_its_number(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
	} bad[] = {{"bob\n", 1}, {"# they\n\nalice:wonderland\n:nobody\n", 4}};
	char text[600];
	struct zl_users *u;
	unsigned line;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		write_file("users", bad[i].text);
		assert_int_not_equal(zl_users_open(&u, "users", &line), 0);
		assert_int_equal(line, bad[i].line);
		zl_users_close(u);
	}
	for (int bytes = 255; bytes <= 256; bytes++) { /* RFC 24's limit, of either */
		snprintf(text, sizeof(text), "alice:%0*d\n", bytes, 0);
		write_file("users", text);
		assert_int_equal(zl_users_open(&u, "users", &line) == 0, bytes == 255);
		zl_users_close(u);
		snprintf(text, sizeof(text), "%0*d:x\n", bytes, 0);
		write_file("users", text);
		assert_int_equal(zl_users_open(&u, "users", &line) == 0, bytes == 255);
		zl_users_close(u);
	}
}

/* --- a socket's security --- */

static void test_a_sockets_security_follows_its_files(void **state)
{
	struct zl_security *s = zl_security_new();
	struct zl_cert alice = pair_of();

	(void)state;
	s->keyring = opened();
	assert_false(zl_security_changed(s, skipped, NULL));
	assert_false(zl_security_keeps(s, "alice"));
	allow(&alice, "alice");
	assert_true(zl_security_changed(s, skipped, NULL));
	assert_true(zl_security_keeps(s, "alice"));
	zl_security_free(s);
	s = zl_security_new();
	s->users = users_of("alice:wonderland\n");
	assert_true(zl_security_keeps(s, "alice"));
	write_file("users", "bob:builder\n");
	assert_true(zl_security_changed(s, skipped, NULL));
	assert_false(zl_security_keeps(s, "alice"));
	assert_true(zl_security_keeps(s, "bob"));
	zl_security_free(s);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, enter, leave)
	const struct CMUnitTest tests[] = {
		T(test_a_key_comes_in_from_when_its_file_is_there_until_it_is_gone),
		T(test_a_name_may_get_another_key_and_a_key_another_name),
		T(test_who_came_in_by_a_key_that_the_name_no_longer_has_may_not_stay),
		T(test_a_key_of_two_names_is_kept_by_each_for_itself),
		T(test_a_file_that_cannot_be_read_lets_its_owner_out_and_nobody_else),
		T(test_hidden_and_secret_files_are_not_looked_at),
		T(test_a_folder_that_goes_lets_nobody_in_until_it_is_back),
		T(test_users_come_change_and_go),
		T(test_who_came_in_by_another_password_may_not_stay),
		T(test_a_mistake_among_users_lets_nobody_in_until_it_is_mended),
		T(test_a_file_of_users_that_goes_lets_nobody_in_until_it_is_back),
		T(test_a_line_of_users_that_is_none_is_told_by_its_number),
		T(test_a_sockets_security_follows_its_files),
	};

	return cmocka_run_group_tests_name("keyring", tests, NULL, NULL);
}
