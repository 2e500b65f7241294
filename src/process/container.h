/* The container of a process from the path of its cgroup: what the runtimes call their groups. */
#ifndef PROCESS_CONTAINER_H
#define PROCESS_CONTAINER_H

#include "joulemap/joulemap.h"

struct jm_container {
	char runtime[16]; /* "docker", "podman", "cri-o", "containerd", "lxc", "nspawn"; "kubernetes": unknown which */
	char id[80];      /* 64 hexadecimal digits, or a name; empty: none */
	char pod[40];     /* uid of the Kubernetes pod, with dashes; empty: none */
};

/* Fills out from a path (cgroup v1 or v2, written by systemd or by the runtime itself). Gives whether there is a container
 * or a pod. */
bool jm_container_find(const char *cgroup, struct jm_container *out);

#endif
