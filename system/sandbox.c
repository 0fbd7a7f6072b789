/*
 * -sandbox: system calls that an emulator does not need are denied for the rest of the process's
 * life, so that a guest that took it over could do less.
 *
 * A denied call fails with EPERM instead of ending the process: what the host's libraries try on
 * their own account then fails softly.  Ref: seccomp(2), libseccomp's seccomp_rule_add(3).
 */
#include "system/setup.h"

#include <errno.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>

struct group {
    const char *key;     /* of the option; NULL: always denied */
    const char *what;    /* for people */
    const int *syscalls; /* ended by -1 */
};

/* clang-format off */
static const int machine_calls[] = {
    SCMP_SYS(reboot), SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load), SCMP_SYS(swapon), SCMP_SYS(swapoff),
    SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(umount), SCMP_SYS(pivot_root), SCMP_SYS(move_mount), SCMP_SYS(open_tree),
    SCMP_SYS(fsopen), SCMP_SYS(fsmount), SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module),
    SCMP_SYS(acct), SCMP_SYS(settimeofday), SCMP_SYS(clock_settime), SCMP_SYS(adjtimex), SCMP_SYS(clock_adjtime),
    SCMP_SYS(sethostname), SCMP_SYS(setdomainname), SCMP_SYS(syslog), SCMP_SYS(quotactl), SCMP_SYS(nfsservctl),
    SCMP_SYS(vhangup), SCMP_SYS(iopl), SCMP_SYS(ioperm), SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev), SCMP_SYS(bpf), SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(keyctl),
    SCMP_SYS(setns), SCMP_SYS(unshare), -1,
};
static const int obsolete_calls[] = {
    SCMP_SYS(readdir), SCMP_SYS(_sysctl), SCMP_SYS(bdflush), SCMP_SYS(create_module), SCMP_SYS(get_kernel_syms),
    SCMP_SYS(query_module), SCMP_SYS(sgetmask), SCMP_SYS(ssetmask), SCMP_SYS(sysfs), SCMP_SYS(uselib), SCMP_SYS(ustat), -1,
};
static const int privilege_calls[] = {
    SCMP_SYS(setuid), SCMP_SYS(setgid), SCMP_SYS(setpgid), SCMP_SYS(setsid), SCMP_SYS(setreuid), SCMP_SYS(setregid),
    SCMP_SYS(setresuid), SCMP_SYS(setresgid), SCMP_SYS(setfsuid), SCMP_SYS(setfsgid), SCMP_SYS(setgroups), SCMP_SYS(capset), -1,
};
static const int spawn_calls[] = {SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(execve), SCMP_SYS(execveat), -1};
static const int resource_calls[] = {
    SCMP_SYS(setpriority), SCMP_SYS(sched_setparam), SCMP_SYS(sched_setscheduler), SCMP_SYS(sched_setaffinity),
    SCMP_SYS(sched_setattr), SCMP_SYS(ioprio_set), -1,
};
/* clang-format on */

static const struct group groups[] = {
    {NULL, "calls that change the host", machine_calls},
    {"obsolete", "obsolete calls", obsolete_calls},
    {"elevateprivileges", "changes of user and group", privilege_calls},
    {"spawn", "new processes", spawn_calls},
    {"resourcecontrol", "changes of priority", resource_calls},
};
enum { ALWAYS, OBSOLETE, PRIVILEGES, SPAWN, RESOURCES, NGROUPS };

struct sandbox {
    bool on, children; /* children: programs that are started gain no privileges */
    bool deny[NGROUPS];
};

static bool parse_group(struct opts *o, struct sandbox *sb, unsigned i, struct error **errp)
{
    const char *value = opts_get(o, groups[i].key, "allow");

    sb->deny[i] = !strcmp(value, "deny");
    sb->children |= i == PRIVILEGES && !strcmp(value, "children");
    if (sb->deny[i] || sb->children || !strcmp(value, "allow"))
        return true;
    error_set(errp, "%s is '%s': wanted allow%s or deny", groups[i].key, value,
              i == PRIVILEGES ? ", children" : "");
    return false;
}

static bool parse(struct opts *o, struct sandbox *sb, struct error **errp)
{
    static const char *const keys[] = {"enable", "obsolete",        "elevateprivileges",
                                       "spawn",  "resourcecontrol", NULL};

    *sb = (struct sandbox){.deny[ALWAYS] = true, .deny[OBSOLETE] = true};
    if (!opts_get_bool(o, "enable", false, &sb->on, errp))
        return false;
    for (unsigned i = OBSOLETE; i < NGROUPS; i++)
        if ((i != OBSOLETE || opts_get(o, "obsolete", NULL)) && !parse_group(o, sb, i, errp))
            return false;
    return opts_check_used(o, keys, errp);
}

/* Threads come by clone(2), which a filter can look into; clone3(2) it cannot, and C libraries do
 * without it when the kernel says that it does not know it. */
static bool deny_fork(scmp_filter_ctx ctx)
{
    const struct scmp_arg_cmp no_thread = SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0);

    return !seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1, &no_thread) &&
           !seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

static bool fill(scmp_filter_ctx ctx, const struct sandbox *sb, struct error **errp)
{
    for (unsigned i = 0; i < NGROUPS; i++) {
        for (const int *nr = groups[i].syscalls; sb->deny[i] && *nr != -1; nr++) {
            int ret = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), *nr, 0);
            if (!ret || ret == -EDOM) /* EDOM: this host has no such call */
                continue;
            error_set(errp, "cannot deny %s: %s", groups[i].what, g_strerror(-ret));
            return false;
        }
    }
    if (sb->deny[SPAWN] && !deny_fork(ctx)) {
        error_set(errp, "cannot deny new processes");
        return false;
    }
    return true;
}

static bool load(const struct sandbox *sb, struct error **errp)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    bool ok = ctx && !seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1) && fill(ctx, sb, errp);
    int ret = ok ? seccomp_load(ctx) : 0;

    if (!ok && errp && !*errp)
        error_set(errp, "this host has no filters of system calls for all threads");
    if (ret)
        error_set(errp, "cannot install the filter of system calls: %s", g_strerror(-ret));
    if (ctx)
        seccomp_release(ctx);
    return ok && !ret;
}

bool setup_sandbox(struct setup *s, struct error **errp)
{
    const char *text = s->cli->sandbox;
    struct sandbox sb;

    if (!text)
        return true;
    struct opts *o = opts_parse_any(text, "enable", errp);
    bool ok = o && parse(o, &sb, errp);
    if (ok && sb.on && sb.children && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) {
        error_set(errp, "cannot keep programs from gaining privileges: %s", g_strerror(errno));
        ok = false;
    }
    ok = ok && (!sb.on || load(&sb, errp));
    if (o)
        opts_free(o);
    if (!ok)
        error_prefix(errp, "-sandbox %s", text);
    return ok;
}
