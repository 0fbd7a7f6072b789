# To be sourced: apt for another suite and architecture, with a state of its own below the cache directory.
# The mirror is the one this machine's own apt uses; nothing of the machine's apt state is touched.
# The caller sets arch; prepare_apt first, then private_apt apt-get ...
cache=${TINAMOU_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tinamou}
suite=${suite:-trixie}
next_suite=forky

debian_mirror() {
    . /etc/os-release
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(ORIGIN) $(LABEL)' 'Created-By: Packages' 2>/dev/null |
        awk -v release="$VERSION_CODENAME" '$2 == release && ($3 == "Debian" && $4 == "Debian" || NF == 2) { print $1; exit }'
}

# apt-get or apt-cache on a state of our own: another suite, another architecture.
private_apt() {
    tool=$1
    shift
    "$tool" -q -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts="$state/none" \
        -o Dir::State::Lists="$state/lists" -o Dir::Cache="$state/cache" -o Dir::State::status="$state/status" \
        -o APT::Architecture="$arch" -o APT::Architectures="$arch" -o APT::Sandbox::User="$(id -un)" \
        -o Acquire::Languages=none "$@"
}

# A mirror that is being synchronised has an index that does not fit its signed list, often for hours and of some
# architectures only: the next suite then serves.
prepare_apt() {
    state=$cache/apt/$suite-$arch
    [ ! -e "$state/ready" ] || return 0
    uri=$(debian_mirror)
    if [ -z "$uri" ]; then
        echo "$(basename "$0"): this machine's apt names no Debian mirror (apt-get indextargets)" >&2
        exit 1
    fi
    mkdir -p "$state/none" "$state/lists/partial" "$state/cache/archives/partial"
    : >"$state/status"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $suite main" >"$state/sources.list"
    if ! private_apt apt-get update >&2; then
        if [ "$suite" != trixie ]; then
            echo "$(basename "$0"): $uri serves no index of $suite for $arch that its signed list vouches for" >&2
            exit 1
        fi
        echo "$(basename "$0"): $uri serves no index of $suite for $arch that its signed list vouches for; taking $next_suite" >&2
        suite=$next_suite
        prepare_apt
        return
    fi
    touch "$state/ready"
}
