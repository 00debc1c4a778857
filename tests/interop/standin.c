/* XSUB and XPUB joined by hand rather than by zmq_proxy, so that it can lose a message when a test
 * is to be seen failing. Never part of a test run. */
#include "tests/interop/standin.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

#include "tests/interop/appliance.h"

static void pass_on(void *from, void *to, uint64_t *n, uint64_t lose)
{
	for (unsigned i = 0; i < 1000; i++) {
		zmq_msg_t msg;
		int more;

		zmq_msg_init(&msg);
		if (zmq_msg_recv(&msg, from, ZMQ_DONTWAIT) < 0)
			return;
		more = zmq_msg_more(&msg);
		if (++*n == lose) {
			zmq_msg_close(&msg);
			continue;
		}
		if (zmq_msg_send(&msg, to, more ? ZMQ_SNDMORE : 0) < 0)
			zmq_msg_close(&msg);
	}
}

static void proxy(const struct appliance *a)
{
	void *ctx = zmq_ctx_new(), *front = zmq_socket(ctx, ZMQ_XSUB),
	     *back = zmq_socket(ctx, ZMQ_XPUB);
	zmq_pollitem_t items[] = {{front, 0, ZMQ_POLLIN, 0}, {back, 0, ZMQ_POLLIN, 0}};
	uint64_t down = 0, up = 0;
	int none = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	lab_enter(a->net.appliance, false);
	zmq_setsockopt(front, ZMQ_RCVHWM, &none, sizeof(none));
	zmq_setsockopt(back, ZMQ_SNDHWM, &none, sizeof(none));
	if (zmq_bind(front, FRONTEND) || zmq_bind(back, BACKEND)) {
		fprintf(stderr, "the stand-in cannot bind: %s\n", zmq_strerror(zmq_errno()));
		_exit(1);
	}
	for (;;) {
		zmq_poll(items, 2, -1);
		pass_on(front, back, &down, lab_standin() == LAB_LOSSY_PROXY ? 1000 : 0);
		pass_on(back, front, &up, 0);
	}
}

void standin_start(struct appliance *a)
{
	fflush(NULL);
	a->dataplane = (struct lab_child){.pid = fork(), .name = "stand-in"};
	if (a->dataplane.pid < 0)
		fail_msg("fork failed");
	if (a->dataplane.pid == 0)
		proxy(a);
	a->dataplane.pidfd = pidfd_open(a->dataplane.pid, 0);
}

void standin_stop(struct appliance *a)
{
	lab_kill(&a->dataplane, SIGKILL);
}
