/*
 * smb=DIR: a directory of the host as the share "qemu" of a file server in the guest's network.
 *
 * Samba's smbd does the serving: libslirp starts one for each connection of the guest, with the
 * connection as its standard input, which makes it serve that one and end.  Its configuration and
 * all that it keeps lie in a private directory, which goes when the network does.
 * Ref: smbd(8), smb.conf(5); RFC 1001 and 1002 for port 139, MS-SMB2 2.1 for port 445.
 */
#include "net/slirp_priv.h"
#include "util/log.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

enum { NETBIOS_SESSION_PORT = 139, SMB_PORT = 445 };

struct user_share {
    char *dir; /* private; NULL: not made yet */
};

/* Where distributions have it, for PATH often lacks the directories of daemons. */
static char *find_smbd(struct error **errp)
{
    static const char *const places[] = {"/usr/sbin/smbd", "/usr/local/sbin/smbd",
                                         "/usr/local/samba/sbin/smbd",
                                         "/run/current-system/sw/bin/smbd"};
    char *path = g_find_program_in_path("smbd");

    for (size_t i = 0; !path && i < G_N_ELEMENTS(places); i++)
        if (g_file_test(places[i], G_FILE_TEST_IS_EXECUTABLE))
            path = g_strdup(places[i]);
    if (!path)
        error_set(errp, "smb: there is no smbd on this host: install the package 'samba'");
    return path;
}

/* The directory's absolute path, checked; smb.conf takes a whole line, but for '%' and what it
 * would trim or continue. */
static char *check_shared_dir(const char *dir, struct error **errp)
{
    if (!g_file_test(dir, G_FILE_TEST_IS_DIR)) {
        error_set(errp, "smb=%s: it is not a directory", dir);
        return NULL;
    }
    if (access(dir, R_OK | X_OK)) {
        error_set(errp, "smb=%s: %s", dir, g_strerror(errno));
        return NULL;
    }
    char *path = g_canonicalize_filename(dir, NULL);
    size_t n = strlen(path);
    if (!path[strcspn(path, "%\n\r\"")] && path[n - 1] != '\\' && path[n - 1] != ' ')
        return path;
    error_set(errp,
              "smb=%s: Samba takes no path with %%, \" or a line's end in it, nor \\ or a "
              "blank at its end",
              dir);
    g_free(path);
    return NULL;
}

/* Everything private; whoever connects is the user that runs us. */
static char *make_config(const char *private, const char *shared, const char *user)
{
    return g_strdup_printf("[global]\n"
                           "private dir = %1$s\n"
                           "pid directory = %1$s\n"
                           "lock directory = %1$s\n"
                           "state directory = %1$s\n"
                           "cache directory = %1$s\n"
                           "ncalrpc dir = %1$s/ncalrpc\n"
                           "log file = %1$s/log.smbd\n"
                           "smb passwd file = %1$s/smbpasswd\n"
                           "interfaces = 127.0.0.1\n"
                           "bind interfaces only = yes\n"
                           "server role = standalone server\n"
                           "security = user\n"
                           "map to guest = Bad User\n"
                           "guest account = %3$s\n"
                           "load printers = no\n"
                           "printing = bsd\n"
                           "disable spoolss = yes\n"
                           "usershare max shares = 0\n"
                           "\n"
                           "[qemu]\n"
                           "path = %2$s\n"
                           "read only = no\n"
                           "guest ok = yes\n"
                           "force user = %3$s\n",
                           private, shared, user);
}

static bool write_config(struct user_share *sh, const char *shared, struct error **errp)
{
    GError *why = NULL;
    const struct passwd *me = getpwuid(geteuid());

    if (!me) {
        error_set(errp, "smb: user %u has no name, which Samba needs", (unsigned)geteuid());
        return false;
    }
    sh->dir = g_dir_make_tmp("tinamou-smb-XXXXXX", &why);
    if (sh->dir) {
        g_autofree char *text = make_config(sh->dir, shared, me->pw_name);
        g_autofree char *path = g_build_filename(sh->dir, "smb.conf", NULL);
        if (g_file_set_contents(path, text, -1, &why))
            return true;
    }
    error_set(errp, "smb: could not write Samba's configuration: %s", why->message);
    g_error_free(why);
    return false;
}

static bool listen_for_guest(struct user_net *u, const char *command, const char *server,
                             struct error **errp)
{
    static const int ports[] = {NETBIOS_SESSION_PORT, SMB_PORT};
    struct in_addr where = {0}; /* libslirp's choice: the network's fourth */

    if (server && !user_parse_ip4("smbserver", server, &where, errp))
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(ports); i++)
        if (slirp_add_exec(u->slirp, command, &where, ports[i]) < 0) {
            error_set(errp, "smbserver=%s: the address is not in the guest's network, or in use",
                      server ? server : "(the network's 4th)");
            return false;
        }
    return true;
}

bool user_share(struct user_net *u, const char *dir, const char *server, struct error **errp)
{
    g_autofree char *shared = check_shared_dir(dir, errp);
    g_autofree char *smbd = shared ? find_smbd(errp) : NULL;

    if (!smbd)
        return false;
    u->share = g_new0(struct user_share, 1);
    if (!write_config(u->share, shared, errp))
        return false;
    g_autofree char *config = g_build_filename(u->share->dir, "smb.conf", NULL);
    g_autofree char *quoted_smbd = g_shell_quote(smbd), *quoted_config = g_shell_quote(config),
                    *quoted_dir = g_shell_quote(u->share->dir);
    g_autofree char *command =
        g_strdup_printf("%s -l %s -s %s", quoted_smbd, quoted_dir, quoted_config);
    return listen_for_guest(u, command, server, errp);
}

/* A tree that Samba wrote: no links are followed. */
static void remove_tree(const char *path)
{
    GDir *dir = g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *child = g_build_filename(path, name, NULL);
        remove_tree(child);
    }
    if (dir)
        g_dir_close(dir);
    if (g_remove(path) && errno != ENOENT)
        log_warn("smb: %s stays: %s", path, g_strerror(errno));
}

void user_unshare(struct user_net *u)
{
    if (!u->share)
        return;
    if (u->share->dir)
        remove_tree(u->share->dir);
    g_free(u->share->dir);
    g_free(u->share);
    u->share = NULL;
}
