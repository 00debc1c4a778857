/* One conversation with zeroline-control over RUN_DIR/control.sock: a JSON object a line each way.
 * Every failure is told in one line that names the thing, the value and the remedy. */
#ifndef ZL_CONTROL_CLI_CLIENT_H
#define ZL_CONTROL_CLI_CLIENT_H

#include <stddef.h>

#include <jansson.h>

#define CLIENT_TEXT_MAX 512

struct client {
	int fd;
	char path[256];
	char *line; /* what has been read and not yet handed out */
	size_t used, room;
	char text[CLIENT_TEXT_MAX]; /* why the last call failed */
};

/* 0, or a negative errno with c->text set. Whatever it returns, client_close() may follow. */
int client_open(struct client *c, const char *run_dir);
void client_close(struct client *c);

/* Asks `cmd` with the members of `args` (NULL: none; the reference is taken). The result, owned by
 * the caller, or NULL with c->text set. Waits a few seconds at most. */
json_t *client_call(struct client *c, const char *cmd, json_t *args);

#endif
