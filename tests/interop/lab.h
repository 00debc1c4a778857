/* Where interop tests run: network namespaces of their own, with a cable between the appliance and
 * its peers. Names are zl-PID-...; what a killed test left behind is removed by the next one.
 *
 *   tap        one namespace: the peers' kernel is the other end of the appliance's tap
 *   af_packet  two namespaces and a veth pair; the appliance owns one end, the peers the other
 *
 * Everything here is called by the test's own process unless it says "in the child". A failure ends
 * the test (cmocka's fail_msg). */
#ifndef ZL_TESTS_INTEROP_LAB_H
#define ZL_TESTS_INTEROP_LAB_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define LAB_APPLIANCE_IP "10.99.0.1"
#define LAB_PEER_IP      "10.99.0.2"
#define LAB_DEVICE       "zl0" /* the appliance's end */
#define LAB_SKIPPED      77    /* as meson takes it */

#define LAB_TEST(test) cmocka_unit_test_setup_teardown(test, NULL, lab_teardown)

enum lab_carrier {
	LAB_DEFAULT, /* what ZL_LAB_CARRIER says (tap, af_packet), else tap */
	LAB_TAP,
	LAB_AF_PACKET,
};

/* Debug switch of the harness, to hold the tests themselves to their word before the appliance is
 * blamed: libzmq's own proxy in the appliance's place. ZL_LAB_STANDIN=proxy, or =lossy to see the
 * tests fail because one message is lost. */
enum lab_standin {
	LAB_REAL,
	LAB_PROXY,
	LAB_LOSSY_PROXY,
};
enum lab_standin lab_standin(void);

/* Once, first in main(): 0, or the exit status to end with (not root: LAB_SKIPPED). */
int lab_begin(void);
/* cmocka's teardown of each test: whatever the test left running is killed and removed. */
int lab_teardown(void **state);

/* Message counts: the full number in a release build, a tenth under AddressSanitizer; the
 * environment's ZL_LAB_SCALE=N divides by N instead. */
uint64_t lab_scaled(uint64_t messages);
bool lab_sanitized(void);

/* The longest that anything is waited for. No test takes this long unless it fails. The
 * environment's ZL_LAB_PATIENCE=N makes it N times as long, for slow machines. */
#define LAB_PATIENCE_MS lab_patience_ms()
int lab_patience_ms(void);
uint64_t lab_now_ms(void);

/* A command line; the test fails if it does. */
void lab_shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The namespaces and the cable. */
struct lab_net {
	enum lab_carrier carrier;     /* not LAB_DEFAULT */
	char appliance[32], peer[32]; /* namespaces; the same one with a tap */
};
void lab_net_open(struct lab_net *net, enum lab_carrier carrier);
/* The peers' address. With a tap: after each start of the appliance, which makes the interface. */
void lab_net_address(const struct lab_net *net);
/* The same with a tap, if its interface is there already: whom the appliance dials as soon as it
 * is set up then has an address, or it would ask for it again only a second later. */
void lab_net_address_early(const struct lab_net *net);
/* The upper half of the peers' network are addresses of theirs as well: LAB_MANY of them, from
 * LAB_MANY_IP on. After lab_net_address(). */
#define LAB_MANY_IP "10.99.0.128"
#define LAB_MANY    120
void lab_net_many(const struct lab_net *net);
void lab_net_close(struct lab_net *net);
/* Fails if an interface of the appliance or a process is left in the namespaces. */
void lab_net_is_quiet(const struct lab_net *net);

/* In the child: enter a namespace. `whole`: with a /sys of its own as well, as `ip netns exec` has
 * it. */
void lab_enter(const char *namespace, bool whole);

/* Starts a program: output (stdout and stderr) is appended to the file `log`. */
struct lab_child {
	pid_t pid; /* 0: none */
	int pidfd;
	char name[32], log[128];
};
struct lab_spawn {
	const char *namespace; /* NULL: this process's own */
	uid_t uid;             /* 0: root */
	const char *name, *log;
	char *const *argv;
};
void lab_spawn(struct lab_child *child, const struct lab_spawn *what);
/* Exit status; 128 + signal; -1: still running after `ms`. */
int lab_wait(struct lab_child *child, int ms);
void lab_kill(struct lab_child *child, int signal);
/* The log so far; free it. */
char *lab_log(const struct lab_child *child);
/* Until the log has `text`; the test fails if it has not within `ms`. */
void lab_await_log(const struct lab_child *child, const char *text, int ms);

/* The build's own programs: "dataplane/zeroline-dataplane". Valid until the next call. */
const char *lab_program(const char *path);
/* A folder of this test's own under /tmp, removed by lab_teardown. */
void lab_folder(char *path, size_t bytes);

/* What lab_teardown calls; given by appliance.c, branch.c, peer.c and realm.c. */
void branch_abandon(void);
void appliance_abandon(void);
void peer_abandon(void);
void realm_abandon(void);

#endif
