/* The names and texts of reasons.def. */
#include "control/reasons.h"

#include "control/ipc/ipc.h"

const char *const zl_reason_name[ZL_REASONS] = {
#define X(name, text) [ZL_REASON_##name] = #name,
#include "control/reasons.def"
#undef X
};

const char *const zl_reason_text[ZL_REASONS] = {
#define X(name, text) [ZL_REASON_##name] = text,
#include "control/reasons.def"
#undef X
};

#define X(name, text) _Static_assert(sizeof(#name) <= ZL_REASON_MAX, #name " fits STREAM_CLOSE");
#include "control/reasons.def"
#undef X
