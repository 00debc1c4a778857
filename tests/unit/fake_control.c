/* Serves one client at a time, which is all that a command line is. */
#include "tests/unit/fake_control.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWERS_MAX 32

struct fake_control {
	char dir[64], asked[4096];
	int listener;
	pthread_t thread;
	const struct fake_answer *answers;
	unsigned served[ANSWERS_MAX]; /* of each cmd, by its first answer */
};

static const char *answer_to(struct fake_control *f, const char *line)
{
	const struct fake_answer *found = NULL;
	unsigned seen = 0, first = 0;
	char name[64];

	for (unsigned i = 0; f->answers[i].cmd; i++) {
		snprintf(name, sizeof(name), "\"cmd\":\"%s\"", f->answers[i].cmd);
		if (strstr(line, name) == NULL)
			continue;
		if (found == NULL)
			first = i;
		if (seen++ > f->served[first])
			break;
		found = &f->answers[i];
	}
	f->served[first]++;
	return found ? found->reply : "{\"ok\":false,\"error\":\"no such command\"}";
}

static void serve(struct fake_control *f, int fd)
{
	size_t used = 0;

	for (;;) {
		ssize_t n = read(fd, f->asked + used, sizeof(f->asked) - 1 - used);

		if (n <= 0)
			return;
		used += (size_t)n;
		f->asked[used] = '\0';
		if (f->asked[used - 1] != '\n')
			continue;
		const char *reply = answer_to(f, f->asked);
		if (reply == NULL)
			return;
		if (send(fd, reply, strlen(reply), MSG_NOSIGNAL) < 0 ||
		    send(fd, "\n", 1, MSG_NOSIGNAL) < 0)
			return;
		used = 0;
	}
}

static void *run(void *arg)
{
	struct fake_control *f = arg;
	int fd;

	while ((fd = accept(f->listener, NULL, NULL)) >= 0) {
		serve(f, fd);
		close(fd);
	}
	return NULL;
}

struct fake_control *fake_control_start(const struct fake_answer *answers)
{
	struct fake_control *f = calloc(1, sizeof(*f));
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	if (f == NULL)
		abort();
	f->answers = answers;
	snprintf(f->dir, sizeof(f->dir), "/tmp/zl-cli-XXXXXX");
	if (mkdtemp(f->dir) == NULL)
		abort();
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/control.sock", f->dir);
	f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(f->listener, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(f->listener, 4) < 0 || pthread_create(&f->thread, NULL, run, f) != 0)
		abort();
	return f;
}

void fake_control_stop(struct fake_control *f)
{
	char path[128];

	/* Ends accept(); the client has closed its side by now, so the thread is there. */
	shutdown(f->listener, SHUT_RDWR);
	pthread_join(f->thread, NULL);
	close(f->listener);
	snprintf(path, sizeof(path), "%s/control.sock", f->dir);
	unlink(path);
	rmdir(f->dir);
	free(f);
}

const char *fake_control_dir(const struct fake_control *f)
{
	return f->dir;
}

const char *fake_control_asked(const struct fake_control *f)
{
	return f->asked;
}
