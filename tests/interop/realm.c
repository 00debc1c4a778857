/* A KDC of MIT Kerberos and its database, made new for each test: that takes a fraction of a
 * second. */
#include "tests/interop/realm.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define KDC    "/usr/sbin/krb5kdc"
#define UTIL   "/usr/sbin/kdb5_util"
#define KADMIN "/usr/sbin/kadmin.local"
#define PORT   "8888"

static struct {
	struct lab_child kdc[2];
	unsigned n;
} realm;

static void write_file(const char *name, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void write_file(const char *name, const char *format, ...)
{
	char folder[64], path[128];
	va_list args;
	FILE *f;

	lab_folder(folder, sizeof(folder));
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "we");
	assert_non_null(f);
	va_start(args, format);
	vfprintf(f, format, args);
	va_end(args);
	fclose(f);
}

static void point(const char *variable, const char *prefix, const char *name)
{
	char folder[64], value[160];

	lab_folder(folder, sizeof(folder));
	snprintf(value, sizeof(value), "%s%s/%s", prefix, folder, name);
	setenv(variable, value, 1);
}

static void run(const char *command)
{
	char line[400], folder[64];

	lab_folder(folder, sizeof(folder));
	snprintf(line, sizeof(line), "cd %s && %s >> realm.log 2>&1", folder, command);
	if (system(line))
		fail_msg("%s failed; %s/realm.log says why", command, folder);
}

bool realm_possible(void)
{
	return access(KDC, X_OK) == 0 && access(UTIL, X_OK) == 0 && access(KADMIN, X_OK) == 0;
}

static void write_config(void)
{
	char folder[64];

	lab_folder(folder, sizeof(folder));
	write_file("krb5.conf", "[libdefaults]\n default_realm = ZL.TEST\n"
				" dns_lookup_kdc = false\n dns_lookup_realm = false\n"
				" dns_canonicalize_hostname = false\n rdns = false\n"
				"[realms]\n ZL.TEST = {\n  kdc = 127.0.0.1:" PORT "\n }\n");
	write_file("kdc.conf",
		   "[kdcdefaults]\n kdc_listen = 127.0.0.1:" PORT "\n"
		   " kdc_tcp_listen = 127.0.0.1:" PORT "\n"
		   "[realms]\n ZL.TEST = {\n  database_name = %s/kdc.db\n"
		   "  key_stash_file = %s/kdc.stash\n  acl_file = %s/kdc.acl\n }\n"
		   "[logging]\n kdc = STDERR\n admin_server = STDERR\n default = STDERR\n",
		   folder, folder, folder);
	write_file("kadmin", "addprinc -randkey zmq/feed\naddprinc -randkey zmq/peer\n"
			     "addprinc -randkey zmq/other\naddprinc -randkey zeroline/box\n"
			     "addprinc -randkey alice\naddprinc -randkey bob\n"
			     "ktadd -k feed.keytab zmq/feed\nktadd -k stale.keytab zeroline/box\n"
			     "ktadd -k box.keytab zeroline/box\n"
			     "ktadd -k peers.keytab alice bob zmq/peer zmq/other\n");
}

void realm_make(void)
{
	write_config();
	point("KRB5_CONFIG", "", "krb5.conf");
	point("KRB5_KDC_PROFILE", "", "kdc.conf");
	point("KRB5_KTNAME", "FILE:", "peers.keytab");
	point("KRB5_CLIENT_KTNAME", "FILE:", "peers.keytab");
	setenv("KRB5CCNAME", "MEMORY:peer", 1);
	run(UTIL " -r ZL.TEST create -s -P master");
	run(KADMIN " -r ZL.TEST < kadmin");
}

static void start_in(const char *namespace, struct lab_child *kdc)
{
	char *argv[] = {(char *)(uintptr_t)KDC, (char *)(uintptr_t) "-n", NULL};
	char folder[64], log[128];

	lab_folder(folder, sizeof(folder));
	snprintf(log, sizeof(log), "%s/kdc.%u.log", folder, realm.n);
	lab_spawn(kdc,
		  &(struct lab_spawn){
			  .namespace = namespace, .name = "krb5kdc", .log = log, .argv = argv});
	realm.n++;
	lab_await_log(kdc, "commencing operation", lab_patience_ms());
}

void realm_start(const struct lab_net *net)
{
	start_in(net->appliance, &realm.kdc[0]);
	if (strcmp(net->appliance, net->peer) != 0)
		start_in(net->peer, &realm.kdc[1]);
}

void realm_signal(int signal)
{
	for (unsigned i = 0; i < realm.n; i++)
		lab_kill(&realm.kdc[i], signal);
	if (signal == SIGKILL)
		realm.n = 0;
}

char *realm_log(void)
{
	return lab_log(&realm.kdc[0]);
}

void realm_abandon(void)
{
	realm_signal(SIGKILL);
}
