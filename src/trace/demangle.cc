#include "trace/demangle.h"

#include <cxxabi.h>

char *jm_demangle(const char *mangled)
{
	int status = 0;

	return abi::__cxa_demangle(mangled, nullptr, nullptr, &status);
}
