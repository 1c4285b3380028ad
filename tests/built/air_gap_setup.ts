/** The shell scripts that make a world without a way out, as text; must not run them or know what is tested in it. */

/**
 * A network that a program takes for a working one, and that tells where it wanted to go.
 *
 * `air0` has an address, the default routes lead to it, and nothing is behind it. Every packet that would
 * leave needs the link-layer address of its destination first, because the routes name no gateway. So the
 * kernel makes an entry in its neighbour table for each destination, asks once, gets no answer, and refuses
 * the packet a moment later. What was tried is in the table, with its address, also when the program that
 * tried hides the error or is gone.
 */
const NETWORK = `
ip link set lo up
ip link add air0 type dummy 2>/dev/null ||
  ip link add air0 type veth peer name air1 2>/dev/null || ip link add air0 type ifb
ip link set air0 arp on
conf=/proc/sys/net
for version in 4 6; do
  [ -d $conf/ipv$version ] || continue
  echo 1 >$conf/ipv$version/neigh/air0/mcast_solicit
  echo 1 >$conf/ipv$version/neigh/air0/retrans_time_ms
done
if [ -d $conf/ipv6 ]; then
  echo 0 >$conf/ipv6/conf/air0/accept_dad
  echo 0 >$conf/ipv6/conf/air0/router_solicitations
  echo 1 >$conf/ipv6/conf/air0/addr_gen_mode
  [ ! -d $conf/ipv6/conf/air1 ] || echo 1 >$conf/ipv6/conf/air1/disable_ipv6
fi
[ ! -d $conf/ipv4/conf/air1 ] || ip link set air1 up
ip link set air0 up
ip address add 192.0.2.2/32 dev air0
ip route add default dev air0
if [ -d $conf/ipv6 ]; then
  ip -6 address add 2001:db8::2/128 dev air0 nodad
  ip -6 route add default dev air0
fi
`;

/**
 * Everything read-only but one small folder, and no socket of a system service (a name server's cache, a
 * message bus) through which somebody else would do the asking.
 *
 * Arguments: the world's folder, the file under test, the mount options of the writable folder.
 */
const FILES = `
world=$1 file=$2 options=$3
case $world in /run/*) ;; *) [ ! -d /run ] || mount -t tmpfs -o size=64k,mode=0755 tmpfs /run ;; esac
resolver=$(readlink -m /etc/resolv.conf)
[ -e "$resolver" ] || { mkdir -p "\${resolver%/*}" && : >"$resolver"; }
mount --bind "$world/resolv.conf" "$resolver"
[ -z "$file" ] || mount --bind "$file" "$world/codex"
mount -t tmpfs -o "$options" tmpfs "$world/writable"
case $options in *noexec*)
  for folder in /tmp /var/tmp /dev/shm; do
    case $world in "$folder"/*) continue ;; esac
    [ ! -d "$folder" ] || mount -t tmpfs -o size=64k,mode=1777,noexec tmpfs "$folder"
  done
  ;;
esac
mounts=$(cat /proc/self/mountinfo)
while read -r _ _ _ _ point flags _; do
  point=$(printf %b "$point")
  case $options:$point in
    # What lies there is no file; unshare needs it.
    *:/proc | *:/proc/*) continue ;;
    *:"$world/writable" | *noexec*:/tmp | *noexec*:/var/tmp | *noexec*:/dev/shm) continue ;;
  esac
  case $flags in *,*) flags=\${flags#*,},ro ;; *) flags=ro ;; esac
  # Those that another mount hides cannot be changed, and not be reached either.
  mount -o "remount,bind,$flags" "$point" 2>/dev/null || :
done <<END
$mounts
END
`;

/** Tells whether such a world can be made here. */
export const PROBE = `set -eu
for tool in ip mount nsenter readlink setpriv; do
  command -v "$tool" >/dev/null || { echo "no $tool here" >&2; exit 1; }
done
mount -t tmpfs -o size=64k tmpfs /tmp
${NETWORK}`;

/** Makes it, says so, and keeps it until its input ends. */
export const SETUP = `set -eu
${NETWORK}${FILES}echo ready
read -r _ || :
`;
