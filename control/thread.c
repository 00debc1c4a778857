/* Threads for what would make the loop wait: a name server, a KDC. They are nobody's to join. */
#include <pthread.h>
#include <signal.h>

#include "control/loop.h"

bool zl_thread_start(void *(*run)(void *context), void *context)
{
	sigset_t all, was;
	pthread_attr_t detached;
	pthread_t thread;
	bool started;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was); /* signals are the loop's */
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	started = pthread_create(&thread, &detached, run, context) == 0;
	pthread_attr_destroy(&detached);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	return started;
}
