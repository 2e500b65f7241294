/* How rights are given up. Source: capabilities(7), prctl(2), seccomp(2); Linux, Documentation/userspace-api/{no_new_privs,seccomp_filter}.rst. */
#define _GNU_SOURCE
#include "service/privileges.h"

#include "core/error.h"
#include "core/text.h"

#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CAP_PERFMON /* Linux 5.8 */
#define CAP_PERFMON 38
#endif
#define CAPABILITIES_MAX 63
#define KEPT             (UINT64_C(1) << CAP_PERFMON | UINT64_C(1) << CAP_DAC_READ_SEARCH)

#if defined(__x86_64__)
#define OUR_ARCHITECTURE AUDIT_ARCH_X86_64
#define CALLS_MAX        0x40000000u /* beyond are the calls of another way of calling, x32 */
#elif defined(__aarch64__)
#define OUR_ARCHITECTURE AUDIT_ARCH_AARCH64
#define CALLS_MAX        UINT32_MAX
#endif

/* ---- Who we are --------------------------------------------------------------------------------------------------- */

static int find_user(const char *user, struct passwd **out, struct jm_error *err)
{
	uint64_t number;

	errno = 0;
	*out = jm_text_u64(user, strlen(user), &number) == 0 && number < UINT32_MAX ? getpwuid((uid_t)number)
										    : getpwnam(user);
	return *out ? 0 : jm_error_set(err, JM_E_NOT_FOUND, "there is no user '%s'", user);
}

static int get_capabilities(struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};

	return (int)syscall(SYS_capget, &header, data);
}

static int set_capabilities(uint64_t kept)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{(uint32_t)kept, (uint32_t)kept, 0},
						 {(uint32_t)(kept >> 32), (uint32_t)(kept >> 32), 0}};

	return (int)syscall(SYS_capset, &header, data);
}

/* What the bounding set lacks no program that is started can ever have. */
static int bound_capabilities(void)
{
	unsigned long c;

	for (c = 0; c <= CAPABILITIES_MAX; c++)
		if (prctl(PR_CAPBSET_READ, c, 0UL, 0UL, 0UL) == 1 && !(KEPT >> c & 1) &&
		    prctl(PR_CAPBSET_DROP, c, 0UL, 0UL, 0UL))
			return -1;
	return 0;
}

static int become(const struct passwd *user)
{
	struct __user_cap_data_struct had[2];
	uint64_t kept;

	if (get_capabilities(had) || bound_capabilities() || prctl(PR_SET_KEEPCAPS, 1UL, 0UL, 0UL, 0UL))
		return -1;
	kept = KEPT & (had[0].permitted | (uint64_t)had[1].permitted << 32);
	if (initgroups(user->pw_name, user->pw_gid) || setresgid(user->pw_gid, user->pw_gid, user->pw_gid) ||
	    setresuid(user->pw_uid, user->pw_uid, user->pw_uid) || set_capabilities(kept))
		return -1;
	/* Being root again would mean that all this did nothing. */
	if (user->pw_uid != 0 && (setuid(0) == 0 || setgid(0) == 0)) {
		errno = EPERM;
		return -1;
	}
	return 0;
}

/* ---- What we may ask the kernel for ------------------------------------------------------------------------------- */

#ifdef OUR_ARCHITECTURE
/* Starting programs comes first: it may be allowed. */
static const uint16_t forbidden[] = {
    SYS_execve,
    SYS_execveat,
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_kcmp,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_setns,
    SYS_unshare,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_reboot,
    SYS_swapon,
    SYS_swapoff,
    SYS_bpf,
    SYS_add_key,
    SYS_request_key,
    SYS_keyctl,
    SYS_setuid,
    SYS_setgid,
    SYS_setreuid,
    SYS_setregid,
    SYS_setresuid,
    SYS_setresgid,
    SYS_setgroups,
    SYS_setfsuid,
    SYS_setfsgid,
    SYS_capset,
    SYS_mknodat,
    SYS_open_by_handle_at,
    SYS_userfaultfd,
    SYS_clock_settime,
    SYS_settimeofday,
    SYS_adjtimex,
    SYS_clock_adjtime,
    SYS_acct,
    SYS_quotactl,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_personality,
    SYS_syslog,
#ifdef SYS_mknod
    SYS_mknod,
    SYS_iopl,
    SYS_ioperm,
#endif
#ifdef SYS_kexec_file_load
    SYS_kexec_file_load,
#endif
#ifdef SYS_io_uring_setup
    SYS_io_uring_setup,
#endif
#ifdef SYS_pidfd_getfd
    SYS_pidfd_getfd,
#endif
#ifdef SYS_open_tree
    SYS_open_tree,
    SYS_move_mount,
    SYS_fsopen,
    SYS_fsmount,
#endif
};
#define N_FORBIDDEN (sizeof(forbidden) / sizeof(forbidden[0]))
#define N_EXECUTING 2

/* A call that is forbidden fails with EPERM; one of another architecture, which only an attack would make, ends the program. */
static int forbid(bool may_execute)
{
	struct sock_filter code[2 * N_FORBIDDEN + 8];
	struct sock_fprog program = {0, code};
	size_t i, n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCHITECTURE, 1, 0);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, CALLS_MAX, 0, 1);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
	for (i = may_execute ? N_EXECUTING : 0; i < N_FORBIDDEN; i++) {
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, forbidden[i], 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = (unsigned short)n;
	return prctl(PR_SET_SECCOMP, (unsigned long)SECCOMP_MODE_FILTER, &program, 0UL, 0UL);
}
#else
static int forbid(bool may_execute)
{
	(void)may_execute;
	return 0; /* who we are is what counts */
}
#endif

int jm_privileges_drop(const char *user, bool may_execute, struct jm_error *err)
{
	struct passwd *found;
	int rc = find_user(user, &found, err);

	if (rc)
		return rc;
	if (geteuid() != 0) {
		jm_error_set(err, JM_E_PERMISSION, "only root can become %s", user);
		return jm_error_remedy(err, "start it as root, or as %s without --user", user);
	}
	if (become(found))
		return jm_error_errno(err, errno, "cannot become %s", user);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) || forbid(may_execute))
		return jm_error_set(err, JM_E_UNSUPPORTED, "cannot forbid system calls: %s", strerror(errno));
	return 0;
}
