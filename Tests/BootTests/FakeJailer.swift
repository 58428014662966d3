/// A program that takes the jailer's command line as strictly as the real one, makes the same layout, and runs a VMM in it.
///
/// The VMM is smartvm-qemu, which needs QEMU beside it: so the jail also shows the host's programs, unlike a real one.
enum FakeJailer {
    static let script = #"""
        #!/bin/bash
        set -eu
        fail() { printf '%s\nError: Fake\n' "$1" >&2; exit 1; }
        declare -A value=()
        cgroups=()
        while [ $# -gt 0 ]; do
            case $1 in
                --) shift; break ;;
                --id|--exec-file|--uid|--gid|--chroot-base-dir|--netns|--cgroup-version|--parent-cgroup)
                    [ $# -ge 2 ] || fail "Failed to parse arguments: The argument '${1#--}' requires a value, but none was supplied."
                    [ -z "${value[$1]+x}" ] || fail "Failed to parse arguments: The argument '${1#--}' was provided more than once."
                    value[$1]=$2; shift 2 ;;
                --cgroup) [[ $2 == ?*=?* ]] || fail "Invalid format for cgroups: $2"; cgroups+=("$2"); shift 2 ;;
                --resource-limit)
                    [[ $2 =~ ^(fsize|no-file)=[0-9]+$ ]] || fail "Invalid resource argument: $2"; shift 2 ;;
                *) fail "Failed to parse arguments: Found argument '${1#--}' which wasn't expected, or isn't valid in this context." ;;
            esac
        done
        for name in exec-file gid id uid; do
            [ -n "${value[--$name]+x}" ] || fail "Failed to parse arguments: Argument '$name' required, but not found."
        done
        id=${value[--id]}; uid=${value[--uid]}; gid=${value[--gid]}
        [[ $id =~ ^[A-Za-z0-9-]{1,64}$ ]] || fail "Invalid instance ID: $id"
        [[ $uid =~ ^[0-9]+$ ]] || fail "Invalid uid: $uid"
        [[ $gid =~ ^[0-9]+$ ]] || fail "Invalid gid: $gid"
        exec_file=$(realpath -e "${value[--exec-file]}") || fail "Failed to canonicalize path ${value[--exec-file]}"
        base=$(realpath -e "${value[--chroot-base-dir]-/srv/jailer}") || fail "Failed to canonicalize path"
        name=${exec_file##*/}
        root=$base/$name/$id/root
        mkdir -p "$root"; chmod 700 "$root"
        [ ! -e "$root/dev/net/tun" ] || fail "Failed to create /dev/net/tun via mknod inside the jail: File exists (os error 17)"
        cp "$exec_file" "$root/$name"
        mkdir -p "$root/dev/net" "$root/run"
        # Nodes that this machine may not make are files here.
        for node in "kvm 10 232" "net/tun 10 200" "urandom 1 9"; do
            set -- $node "$@"
            mknod "$root/dev/$1" c "$2" "$3" 2>/dev/null || : > "$root/dev/$1"
            shift 3
        done
        version=${value[--cgroup-version]-1}
        for cgroup in ${cgroups[@]+"${cgroups[@]}"}; do
            file=${cgroup%%=*}
            [ "$version" = 1 ] || fail "only version 1 is played here"
            group=/sys/fs/cgroup/${file%%.*}/${value[--parent-cgroup]-$name}/$id
            mkdir -p "$group"; printf '%s' "${cgroup#*=}" > "$group/$file"; echo $$ > "$group/tasks"
        done
        chown -R "$uid:$gid" "$root/dev" "$root/run"; chown "$uid:$gid" "$root"
        printf '%s' $$ > "$root/$name.pid"
        # Among the rest, the VMM's own --id would be its second.
        exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin unshare -m --propagation slave bash -euc '
            root=$1; user=$2; shift 2
            mount --rbind "$root" "$root"
            for directory in usr bin sbin lib lib64 etc proc sys dev; do
                [ -e "/$directory" ] || continue
                if [ -L "/$directory" ]; then ln -s "$(readlink "/$directory")" "$root/$directory"; continue; fi
                mkdir -p "$root/$directory"; mount --rbind "/$directory" "$root/$directory"
            done
            cd "$root"
            exec chroot --userspec="$user" . "$@"' \
            bash "$root" "$uid:$gid" "/$name" --id "$id" --start-time-us 1 --start-time-cpu-us 1 --parent-cpu-time-us 1 "$@"

        """#
}
