/* The event loop: descriptors by epoll, timers in a heap behind one timerfd, and a hook at the end
 * of each turn, where what a turn has gathered is sent in full packets. One thread. */
#ifndef ZL_CONTROL_LOOP_H
#define ZL_CONTROL_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

struct zl_watch {
	int fd;
	void (*ready)(struct zl_watch *watch, uint32_t events);
	void *context;
};

struct zl_timer {
	uint64_t at_ns; /* CLOCK_MONOTONIC */
	size_t slot;    /* in the heap, from 1; 0: not set */
	void (*fire)(struct zl_timer *timer);
	void *context;
};

struct zl_loop {
	int epoll;
	bool stop;
	struct zl_watch clock;
	struct zl_timer **heap; /* from 1 */
	size_t timers, heap_max;
	struct epoll_event batch[64]; /* this turn's */
	int batch_at, batch_n;
	void (*turn)(void *context);
	void *context;
	bool again; /* set in a turn that left something to do: the next does not wait */
};

uint64_t zl_now_ns(void);

/* 0 or a negative errno. */
int zl_loop_init(struct zl_loop *loop);
void zl_loop_close(struct zl_loop *loop);
/* Until loop->stop is set. */
int zl_loop_run(struct zl_loop *loop);

int zl_loop_add(struct zl_loop *loop, struct zl_watch *watch, uint32_t events);
void zl_loop_change(struct zl_loop *loop, struct zl_watch *watch, uint32_t events);
/* The watch's descriptor stays open; the watch may be freed at once. */
void zl_loop_remove(struct zl_loop *loop, struct zl_watch *watch);

/* Sets or moves a timer to so many milliseconds from now. */
void zl_timer_set(struct zl_loop *loop, struct zl_timer *timer, uint64_t ms);
void zl_timer_stop(struct zl_loop *loop, struct zl_timer *timer);

/* thread.c: runs beside the loop, with all signals blocked, and ends by itself; what it has found
 * it tells by a descriptor that the loop watches. False: there is no thread to be had. */
bool zl_thread_start(void *(*run)(void *context), void *context);

#endif
