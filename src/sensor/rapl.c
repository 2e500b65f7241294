#include "sensor/rapl.h"

#include "core/error.h"
#include "sensor/sysfs.h"

bool jm_rapl_is_impossible(const struct jm_env *env, struct jm_error *why)
{
	bool is_x86 = jm_sysfs_has_cpu_vendor(env, "GenuineIntel") || jm_sysfs_has_cpu_vendor(env, "AuthenticAMD") ||
		      jm_sysfs_has_cpu_vendor(env, "HygonGenuine");

	if (jm_sysfs_is_vm(env)) {
		jm_error_set(why, JM_E_UNSUPPORTED,
			     "a virtual machine without RAPL: the hypervisor does not pass it on");
		jm_error_remedy(why, "run joulemap on the host");
		return true;
	}
	if (!is_x86)
		jm_error_set(why, JM_E_UNSUPPORTED, "this processor has no RAPL (Intel and AMD processors do)");
	return !is_x86;
}
