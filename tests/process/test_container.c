#include "process/container.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define ID  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define UID "11111111-2222-3333-4444-555555555555"

static void check(const char *path, const char *runtime, const char *id, const char *pod)
{
	struct jm_container c;

	if (!jm_container_find(path, &c) || strcmp(c.runtime, runtime) || strcmp(c.id, id) || strcmp(c.pod, pod)) {
		print_error("%s: %s, %s, %s\n", path, c.runtime, c.id, c.pod);
		fail();
	}
}

static void runtimes_are_known_by_their_groups(void **state)
{
	(void)state;
	check("/docker/" ID, "docker", ID, "");
	check("/system.slice/docker-" ID ".scope", "docker", ID, "");
	check("/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope/container", "podman", ID,
	      "");
	check("/machine.slice/libpod-" ID ".scope", "podman", ID, "");
	check("/libpod_parent/libpod-" ID, "podman", ID, "");
	check("/system.slice/nerdctl-" ID ".scope", "containerd", ID, "");
	check("/default/" ID, "containerd", ID, "");
	check("/lxc/web-1", "lxc", "web-1", "");
	check("/lxc.payload.web-1/init.scope", "lxc", "web-1", "");
	check("/machine.slice/machine-box.scope", "nspawn", "box", "");
}

static void pods_are_known_whoever_writes_the_path(void **state)
{
	(void)state;
	check("/kubepods/burstable/pod" UID "/" ID, "kubernetes", ID, UID);
	check(
	    "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod11111111_2222_3333_4444_555555555555.slice/"
	    "cri-containerd-" ID ".scope",
	    "containerd", ID, UID);
	check("/kubepods.slice/kubepods-pod11111111_2222_3333_4444_555555555555.slice/crio-" ID ".scope", "cri-o", ID,
	      UID);
	check("/kubepods.slice/kubepods-besteffort.slice/"
	      "kubepods-besteffort-pod11111111_2222_3333_4444_555555555555.slice/"
	      "docker-" ID ".scope",
	      "docker", ID, UID);
	check("/kubepods/pod" UID, "", "", UID);
	check("/system.slice/containerd.service/kubepods-burstable-pod11111111_2222_3333_4444_555555555555.slice:"
	      "cri-containerd:" ID,
	      "containerd", ID, UID);
}

static void the_innermost_container_counts(void **state)
{
	(void)state;
	check("/docker/" ID "/docker/ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "docker",
	      "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "");
}

static void other_groups_are_no_containers(void **state)
{
	static const char *const paths[] = {"",
					    "/",
					    "//",
					    "/user.slice/user-0.slice/session-1.scope",
					    "/system.slice/docker.service",
					    "/machine.slice/libpod-conmon-" ID ".scope",
					    "/process_api/8217ea2a16002d76cd25167edb7d64f8",
					    "/docker-",
					    "/docker/",
					    "/a:b:c",
					    "/:",
					    "/../.."};
	struct jm_container c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_false(jm_container_find(paths[i], &c));
}

static void a_long_path_is_cut_not_overrun(void **state)
{
	struct jm_container c;
	char path[5000] = "/lxc/";

	(void)state;
	memset(path + 5, 'n', 4000);
	assert_true(jm_container_find(path, &c));
	assert_int_equal(strlen(c.id), sizeof(c.id) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(runtimes_are_known_by_their_groups),
	    cmocka_unit_test(pods_are_known_whoever_writes_the_path),
	    cmocka_unit_test(the_innermost_container_counts),
	    cmocka_unit_test(other_groups_are_no_containers),
	    cmocka_unit_test(a_long_path_is_cut_not_overrun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
