/* The security model "mapped-xattr": owner, mode and device numbers in extended attributes, so that
 * a user without privileges can serve a guest's root.  The attributes are those that existing
 * shares have: user.virtfs.uid, .gid and .mode of 4 bytes, .rdev of 8, little endian. */
#include "fsdev/fsdev_priv.h"
#include "util/bits.h"

#include <errno.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

static bool get(int fd, const char *name, uint64_t *val, size_t size)
{
    uint8_t buf[8] = {0};
    if (getxattr(local_path(fd).text, name, buf, size) != (ssize_t)size)
        return false;
    *val = ld_le64(buf);
    return true;
}

static int set(int fd, const char *name, uint64_t val, size_t size)
{
    uint8_t buf[8];
    st_le64(buf, val);
    return setxattr(local_path(fd).text, name, buf, size, 0) ? -errno : 0;
}

void mapped_stat(int fd, struct stat *st)
{
    uint64_t val;
    if (get(fd, "user.virtfs.uid", &val, 4))
        st->st_uid = (uid_t)val;
    if (get(fd, "user.virtfs.gid", &val, 4))
        st->st_gid = (gid_t)val;
    if (get(fd, "user.virtfs.mode", &val, 4))
        st->st_mode = (mode_t)val;
    if (get(fd, "user.virtfs.rdev", &val, 8))
        st->st_rdev = (dev_t)val;
}

int mapped_set_owner(int fd, uint32_t uid, uint32_t gid)
{
    int ret = uid == UINT32_MAX ? 0 : set(fd, "user.virtfs.uid", uid, 4);
    if (ret == 0 && gid != UINT32_MAX)
        ret = set(fd, "user.virtfs.gid", gid, 4);
    return ret;
}

int mapped_set_mode(int fd, mode_t mode)
{
    return set(fd, "user.virtfs.mode", mode, 4);
}

int mapped_set_rdev(int fd, dev_t rdev)
{
    return set(fd, "user.virtfs.rdev", rdev, 8);
}
