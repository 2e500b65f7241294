#include "process/container.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Names of groups, as the runtimes write them:
 *   docker      /docker/ID                                   /system.slice/docker-ID.scope
 *   podman      /libpod_parent/libpod-ID                     .../user.slice/libpod-ID.scope[/container]
 *   containerd  /NAMESPACE/ID (nerdctl, ctr)                 .../cri-containerd-ID.scope, SLICE:cri-containerd:ID
 *   cri-o       .../crio-ID                                  .../crio-ID.scope
 *   kubernetes  /kubepods/burstable/podUID/ID                .../kubepods-burstable-podU_I_D.slice/...
 *   lxc         /lxc/NAME, /lxc.payload.NAME                 nspawn: /machine.slice/machine-NAME.scope
 * (kubelet, pkg/kubelet/cm/cgroup_manager_linux.go; runc, libcontainer/cgroups; containers-common, podman-systemd.) */
static const struct prefix {
	const char *text, *runtime;
	bool is_id; /* else any name */
} prefixes[] = {{"docker-", "docker", true},
		{"libpod-", "podman", true},
		{"cri-containerd-", "containerd", true},
		{"nerdctl-", "containerd", true},
		{"crio-", "cri-o", true},
		{"lxc.payload.", "lxc", false},
		{"machine-", "nspawn", false},
		{"systemd-nspawn@", "nspawn", false}};

#define ID_MIN 12 /* short forms of an id have at least so many digits */

static size_t hex_digits(const char *text, size_t n)
{
	size_t i = 0;

	while (i < n && isxdigit((unsigned char)text[i]))
		i++;
	return i;
}

static bool is_id(const char *text, size_t n)
{
	return n >= ID_MIN && n <= 64 && hex_digits(text, n) == n;
}

static void set(struct jm_container *out, const char *runtime, const char *id, size_t n)
{
	snprintf(out->runtime, sizeof(out->runtime), "%s", runtime);
	n = n < sizeof(out->id) ? n : sizeof(out->id) - 1;
	memcpy(out->id, id, n);
	out->id[n] = '\0';
}

/* "pod0a1b...", "kubepods-burstable-pod0a1b_....slice": the uid, whose dashes systemd does not allow. */
static bool find_pod(const char *part, size_t n, struct jm_container *out)
{
	const char *uid = NULL;
	size_t i, length = 0;

	if (n > 3 && memcmp(part, "pod", 3) == 0)
		uid = part + 3;
	for (i = 0; !uid && n > 8 && memcmp(part, "kubepods", 8) == 0 && i + 4 < n; i++)
		if (memcmp(part + i, "-pod", 4) == 0)
			uid = part + i + 4;
	if (!uid)
		return false;
	while (uid + length < part + n &&
	       (isxdigit((unsigned char)uid[length]) || uid[length] == '_' || uid[length] == '-'))
		length++;
	if (length < 32 || length >= sizeof(out->pod))
		return false;
	for (i = 0; i < length; i++)
		out->pod[i] = uid[i];
	out->pod[length] = '\0';
	for (i = 0; i < length; i++)
		if (out->pod[i] == '_')
			out->pod[i] = '-';
	return true;
}

/* "PREFIX-ID.scope" or "PREFIX-ID" */
static bool find_prefixed(const char *part, size_t n, struct jm_container *out)
{
	size_t i;

	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		const struct prefix *p = &prefixes[i];
		size_t skip = strlen(p->text), length;

		if (n <= skip || memcmp(part, p->text, skip) != 0)
			continue;
		length = n - skip;
		if (length > 6 && memcmp(part + n - 6, ".scope", 6) == 0)
			length -= 6;
		else if (length > 8 && memcmp(part + n - 8, ".service", 8) == 0)
			length -= 8;
		/* "libpod-conmon-ID" and "crio-conmon-ID" are the monitors beside a container, not in it. */
		if (length == 0 || (p->is_id && !is_id(part + skip, length)))
			continue;
		set(out, p->runtime, part + skip, length);
		return true;
	}
	return false;
}

/* A bare id: the part before it says whose. previous: may be empty. */
static bool find_bare(const char *part, size_t n, const char *previous, size_t previous_n, struct jm_container *out)
{
	const char *colon = n > 1 ? memchr(part, ':', n) : NULL;

	if (colon) { /* SLICE:cri-containerd:ID, a systemd name that the runtime's own driver took as a path */
		const char *second = memchr(colon + 1, ':', (size_t)(part + n - colon - 1));

		if (!second || !is_id(second + 1, (size_t)(part + n - second - 1)))
			return false;
		set(out, memcmp(colon + 1, "crio", 4) == 0 ? "cri-o" : "containerd", second + 1,
		    (size_t)(part + n - second - 1));
		return true;
	}
	if (previous_n == 3 && memcmp(previous, "lxc", 3) == 0) {
		set(out, "lxc", part, n);
		return true;
	}
	if (!is_id(part, n))
		return false;
	if (previous_n == 6 && memcmp(previous, "docker", 6) == 0)
		set(out, "docker", part, n);
	else if (out->pod[0])
		set(out, "kubernetes", part, n);
	else if (n == 64)
		set(out, "containerd", part, n);
	else
		return false;
	return true;
}

bool jm_container_find(const char *cgroup, struct jm_container *out)
{
	const char *part = cgroup, *previous = cgroup;
	size_t previous_n = 0;
	bool is_found = false;

	memset(out, 0, sizeof(*out));
	/* The deepest one counts: a container may run containers. */
	while (*part) {
		size_t n = strcspn(part, "/");

		if (n && find_pod(part, n, out))
			is_found = true;
		if (n && (find_prefixed(part, n, out) || find_bare(part, n, previous, previous_n, out)))
			is_found = true;
		previous = part;
		previous_n = n;
		part += n + (part[n] == '/');
	}
	return is_found;
}
