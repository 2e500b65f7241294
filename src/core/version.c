#include "joulemap/joulemap.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

const char *jm_version(void)
{
	return TEXT(JM_VERSION_MAJOR) "." TEXT(JM_VERSION_MINOR) "." TEXT(JM_VERSION_PATCH);
}
