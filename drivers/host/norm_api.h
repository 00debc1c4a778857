/* libnorm's API for C: its header has two prototypes that only C++ takes, and a macro with a name
 * that is anybody's. */
#ifndef ZL_DRIVERS_HOST_NORM_API_H
#define ZL_DRIVERS_HOST_NORM_API_H

#define NormGetRxBindAddress(...) norm_of_cplusplus_bind_address(void)
#define NormStreamGetVacancy(...) norm_of_cplusplus_vacancy(void)
#include <normApi.h>
#undef NormGetRxBindAddress
#undef NormStreamGetVacancy
#undef DEFAULT

#endif
