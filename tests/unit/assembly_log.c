/* What is put together from frames (assembly_log.h). */
#include "tests/unit/assembly_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct assembly_log got;

static void on_message(void *ctx, const struct zl_msg *parts, unsigned n)
{
	(void)ctx;
	got.messages++;
	for (unsigned i = 0; i < n; i++) {
		uint8_t bytes[256];
		uint32_t len = zl_msg_peek(&parts[i], bytes, sizeof(bytes));

		got.bytes += parts[i].len;
		assert_int_equal(!!(parts[i].flags & ZL_MSG_MORE), i + 1 < n);
		if (!got.quiet) {
			strncat(got.text, (const char *)bytes, len);
			strcat(got.text, i + 1 < n ? "+" : " ");
		}
	}
	zl_msgs_unref(parts, n);
}

static void on_single(void *ctx, struct zl_buf *buf, const uint8_t *data, uint32_t len)
{
	got.singles++;
	on_message(ctx, &(struct zl_msg){.buf = buf, .data = data, .len = len}, 1);
}

static void on_dropped(void *ctx, bool too_long)
{
	(void)ctx;
	got.too_long += too_long;
	got.no_memory += !too_long;
}

const struct zl_assembly_sink sink = {on_message, on_single, on_dropped, NULL, NULL};
