/* Why control closes a stream: reasons.def as an enum, names and texts. */
#ifndef ZL_CONTROL_REASONS_H
#define ZL_CONTROL_REASONS_H

enum zl_reason {
#define X(name, text) ZL_REASON_##name,
#include "control/reasons.def"
#undef X
	ZL_REASONS
};

extern const char *const zl_reason_name[ZL_REASONS];
extern const char *const zl_reason_text[ZL_REASONS];

#endif
