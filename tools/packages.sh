# Debian packages that building, guests and tests need, and how they are installed.  Sourced by quickstart and check.

BUILD_PACKAGES="gcc libc6-dev pkg-config python3 meson ninja-build libglib2.0-dev libfdt-dev zlib1g-dev libzstd-dev libcapstone-dev
    libjson-glib-dev libslirp-dev liburing-dev libnbd-dev libgnutls28-dev libseccomp-dev libpng-dev"
GUEST_PACKAGES="opensbi cpio kmod xz-utils gzip debian-archive-keyring ca-certificates"
TEST_PACKAGES="clang clang-format gcc-riscv64-linux-gnu libc6-dev-riscv64-cross u-boot-qemu e2fsprogs qemu-utils gdb-multiarch nbdkit dosfstools
    mtools gcc-aarch64-linux-gnu gcc-arm-linux-gnueabihf gcc-arm-none-eabi qemu-efi-aarch64 qemu-efi-arm acpica-tools seabios ipxe-qemu
    ovmf ovmf-ia32 grub-common libnbd-bin"

missing_packages() {
    for p in "$@"; do
        dpkg-query -W -f '${db:Status-Status}\n' "$p" 2>/dev/null | grep -qx installed || echo "$p"
    done
}

# Install those of the named packages that are missing, as root or through sudo.
need_packages() {
    missing=$(missing_packages "$@" | tr '\n' ' ')
    [ -n "$missing" ] || return 0
    if ! command -v apt-get >/dev/null; then
        echo "these packages are missing and there is no apt-get to install them: $missing" >&2
        return 1
    fi
    as_root=
    if [ "$(id -u)" != 0 ]; then
        as_root=sudo
        command -v sudo >/dev/null || {
            echo "as root, run: apt-get install --no-install-recommends $missing" >&2
            return 1
        }
    fi
    echo "installing $missing" >&2
    # shellcheck disable=SC2086
    $as_root apt-get -q update >&2 &&
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends $missing >&2
}
