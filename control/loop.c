/* epoll, and a binary heap of timers behind one timerfd. */
#include "control/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

uint64_t zl_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static void put(struct zl_loop *loop, size_t slot, struct zl_timer *timer)
{
	loop->heap[slot] = timer;
	timer->slot = slot;
}

static void sift_up(struct zl_loop *loop, size_t slot)
{
	struct zl_timer *timer = loop->heap[slot];

	for (; slot > 1 && loop->heap[slot / 2]->at_ns > timer->at_ns; slot /= 2)
		put(loop, slot, loop->heap[slot / 2]);
	put(loop, slot, timer);
}

static void sift_down(struct zl_loop *loop, size_t slot)
{
	struct zl_timer *timer = loop->heap[slot];

	for (size_t child; (child = slot * 2) <= loop->timers; slot = child) {
		if (child < loop->timers && loop->heap[child + 1]->at_ns < loop->heap[child]->at_ns)
			child++;
		if (loop->heap[child]->at_ns >= timer->at_ns)
			break;
		put(loop, slot, loop->heap[child]);
	}
	put(loop, slot, timer);
}

static void arm(struct zl_loop *loop)
{
	struct itimerspec when = {0};

	if (loop->timers > 0) {
		uint64_t at = loop->heap[1]->at_ns;
		when.it_value.tv_sec = (time_t)(at / 1000000000);
		when.it_value.tv_nsec = (long)(at % 1000000000) | 1; /* 0 would disarm it */
	}
	timerfd_settime(loop->clock.fd, TFD_TIMER_ABSTIME, &when, NULL);
}

void zl_timer_stop(struct zl_loop *loop, struct zl_timer *timer)
{
	size_t slot = timer->slot;

	if (slot == 0)
		return;
	timer->slot = 0;
	struct zl_timer *last = loop->heap[loop->timers--];
	if (last == timer)
		return;
	put(loop, slot, last);
	sift_down(loop, slot);
	sift_up(loop, last->slot);
}

void zl_timer_set(struct zl_loop *loop, struct zl_timer *timer, uint64_t ms)
{
	zl_timer_stop(loop, timer);
	timer->at_ns = zl_now_ns() + ms * 1000000;
	if (loop->timers + 2 > loop->heap_max) {
		size_t max = loop->heap_max * 2 + 64;
		struct zl_timer **heap = realloc(loop->heap, max * sizeof(struct zl_timer *));
		if (!heap)
			abort();
		loop->heap = heap;
		loop->heap_max = max;
	}
	put(loop, ++loop->timers, timer);
	sift_up(loop, loop->timers);
	arm(loop);
}

static void clock_ready(struct zl_watch *watch, uint32_t events)
{
	struct zl_loop *loop = watch->context;
	uint64_t count, now = zl_now_ns();

	(void)events;
	if (read(watch->fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return;
	while (loop->timers > 0 && loop->heap[1]->at_ns <= now) {
		struct zl_timer *timer = loop->heap[1];
		zl_timer_stop(loop, timer);
		timer->fire(timer);
	}
	arm(loop);
}

int zl_loop_init(struct zl_loop *loop)
{
	*loop = (struct zl_loop){.epoll = epoll_create1(EPOLL_CLOEXEC)};
	loop->clock = (struct zl_watch){
		.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC),
		.ready = clock_ready,
		.context = loop,
	};
	if (loop->epoll < 0 || loop->clock.fd < 0)
		return -errno;
	return zl_loop_add(loop, &loop->clock, EPOLLIN);
}

void zl_loop_close(struct zl_loop *loop)
{
	close(loop->clock.fd);
	close(loop->epoll);
	free(loop->heap);
}

int zl_loop_add(struct zl_loop *loop, struct zl_watch *watch, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = watch};

	return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, watch->fd, &e) < 0 ? -errno : 0;
}

void zl_loop_change(struct zl_loop *loop, struct zl_watch *watch, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = watch};

	epoll_ctl(loop->epoll, EPOLL_CTL_MOD, watch->fd, &e);
}

void zl_loop_remove(struct zl_loop *loop, struct zl_watch *watch)
{
	epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
	/* What this turn still has for it is nobody's now. */
	for (int i = loop->batch_at; i < loop->batch_n; i++)
		if (loop->batch[i].data.ptr == watch)
			loop->batch[i].data.ptr = NULL;
}

int zl_loop_run(struct zl_loop *loop)
{
	while (!loop->stop) {
		int n = epoll_wait(loop->epoll, loop->batch,
				   sizeof(loop->batch) / sizeof(loop->batch[0]),
				   loop->again ? 0 : -1);
		if (n < 0 && errno != EINTR)
			return -errno;
		loop->batch_n = n < 0 ? 0 : n;
		for (loop->batch_at = 0; loop->batch_at < loop->batch_n; loop->batch_at++) {
			struct zl_watch *watch = loop->batch[loop->batch_at].data.ptr;
			if (watch)
				watch->ready(watch, loop->batch[loop->batch_at].events);
		}
		loop->batch_n = 0;
		loop->again = false;
		if (loop->turn)
			loop->turn(loop->context);
	}
	return 0;
}
