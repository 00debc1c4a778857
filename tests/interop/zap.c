/* Requests of ten or so parts, in RFC 27's order, and replies of six. */
#include "tests/interop/zap.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#define PART  256
#define PARTS 12

enum {
	VERSION,
	SEQUENCE,
	DOMAIN,
	ADDRESS,
	IDENTITY,
	MECHANISM,
	USER,
	PASSWORD
};

struct zap {
	void *socket;
	const char *user, *password;
};

/* False: the context has ended. */
static bool receive(void *socket, char part[PARTS][PART], int *n)
{
	int more = 1;
	size_t bytes = sizeof(more);

	for (*n = 0; more && *n < PARTS; ++*n) {
		int got = zmq_recv(socket, part[*n], PART - 1, 0);

		if (got < 0)
			return false;
		part[*n][got < PART ? got : PART - 1] = '\0';
		zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &bytes);
	}
	return true;
}

static void *answer(void *context)
{
	struct zap *z = context;
	char part[PARTS][PART];
	int n;

	while (receive(z->socket, part, &n)) {
		bool good = n > PASSWORD && strcmp(part[MECHANISM], "PLAIN") == 0 &&
			    strcmp(part[USER], z->user) == 0 &&
			    strcmp(part[PASSWORD], z->password) == 0;
		const char *reply[] = {"1.0", part[SEQUENCE], good ? "200" : "400",
				       "",    part[USER],     ""};

		for (int i = 0; i < 6; i++)
			zmq_send(z->socket, reply[i], strlen(reply[i]), i < 5 ? ZMQ_SNDMORE : 0);
	}
	zmq_close(z->socket);
	free(z);
	return NULL;
}

void zap_start(void *context, const char *user, const char *password)
{
	struct zap *z = malloc(sizeof(*z));
	int none = 0;
	pthread_t thread;

	*z = (struct zap){zmq_socket(context, ZMQ_REP), user, password};
	zmq_setsockopt(z->socket, ZMQ_LINGER, &none, sizeof(none));
	zmq_bind(z->socket, "inproc://zeromq.zap.01");
	pthread_create(&thread, NULL, answer, z);
	pthread_detach(thread);
}
