#!/bin/sh
# shellcheck disable=SC2030,SC2031 # What a subshell changes is meant for it alone.
{ # Closed by the last line: a download cut off within this script is a syntax error, and runs nothing.
# codex @VERSION@ for @TARGET@: this script, then a gzipped tar that holds the runtime and the program.
#
# The first start unpacks it, the later ones run from there. Where, in this order:
#  - a private cache: CODEX_RUNTIME_DIR, XDG_CACHE_HOME or HOME/.cache. What is unpacked there is trusted,
#    because its folder is ours and has mode 0700, and nobody else can put another one in its place;
#  - a folder for temporary files, where every start verifies it again and V8's code cache is not used.
# POSIX, but for `test -O`, which dash, busybox and macOS know.

cx_main() {
  case $#:${1-} in 1:--version | 1:-V)
    # Silent when nobody reads it.
    echo "codex-cli @VERSION@" 2>/dev/null
    return
    ;;
  esac
  # Where the caller exported variables of these names, the runtime would see what we put into them.
  unset -v cx_at cx_base cx_dir cx_expected cx_file cx_lines cx_newline cx_other cx_outside cx_reasons cx_said \
    cx_size cx_status cx_system cx_target cx_top cx_uid cx_us cx_way cx_where cx_why
  set +eu
  cx_outside='' cx_newline='
'
  case $0 in /*) cx_file=$0 ;; *) cx_file=$PWD/${0#./} ;; esac
  case ${CODEX_RUNTIME_DIR:-/} in /*) ;; *)
    echo "codex: CODEX_RUNTIME_DIR is not used, because it is not an absolute path: $CODEX_RUNTIME_DIR" >&2
    ;;
  esac
  for cx_base in "${CODEX_RUNTIME_DIR:-}" "${XDG_CACHE_HOME:+$XDG_CACHE_HOME/codex-runtime}" \
    "${HOME:+$HOME/.cache/codex-runtime}"; do
    case $cx_base in /*) cx_is_ready "$cx_base/@NAME@" && cx_start "$cx_base/@NAME@" "$@" ;; esac
  done
  cx_first_start "$@"
}

# Whether a folder was completely unpacked, is ours, is closed to all other users, and stays where it is.
cx_is_ready() { # DIR
  [ -f "$1/ready" ] && [ -O "$1" ] && [ ! -L "$1" ] || return 1
  # After a crash of the machine, files may be shorter than they were written. MANIFEST was the last one.
  [ -x "$1/deno" ] && [ -s "$1/MANIFEST" ] || return 1
  cx_lines=$(cx_list "$1" deno) || return 1
  case $cx_lines in drwx------*) ;; *) return 1 ;; esac
  # The size in the last line: elsewhere the number may be one of links, for instance.
  case ${cx_lines##*"$cx_newline"} in *" @RUNTIME_SIZE@ "*" deno") ;; *) return 1 ;; esac
  cx_way=$1
  # shellcheck disable=SC2086 # Split on purpose.
  set -- $cx_lines
  cx_is_safe "$3" "$@" && cx_is_led_safely "$3" "$cx_way"
}

# Lists a folder, all above it up to the root, and a file in it, whatever the path may hold: nine words each,
# which are mode, links, owner, group, size, date (three) and name. One process in all.
cx_list() { # DIR [FILE]
  cd -P "$1" 2>/dev/null || return
  cx_above=$PWD cx_at=. cx_last=${2-}
  set -- .
  while [ -n "$cx_above" ]; do
    cx_above=${cx_above%/*} cx_at=$cx_at/..
    set -- "$@" "$cx_at"
  done
  export LC_ALL=C
  unset -v BLOCK_SIZE CLICOLOR_FORCE LS_BLOCK_SIZE QUOTING_STYLE TIME_STYLE
  exec ls -ldn "$@" ${cx_last:+"$cx_last"} 2>/dev/null
}

# Whether no other user can replace a part of the path that was listed; below a private folder none can.
# Otherwise cx_why tells the reason and cx_where the part, from the last one.
cx_is_safe() { # OUR-ID WORD...
  cx_us=$1 cx_why='' cx_where='' cx_other='' cx_top=''
  shift
  while [ $# -ge 9 ]; do
    case $1 in
      drwx------*) [ "$3" != "$cx_us" ] || cx_why='' cx_other='' ;;
      ?????????[tT]*) ;;
      ????????w*) cx_why="can be written by other users" cx_where=$9 ;;
      ?????w*) cx_is_own_group "$4" || cx_why="can be written by a group" cx_where=$9 ;;
    esac
    # In a user namespace the owner of the root folder, and of others like it, is not 0.
    case $3 in "$cx_us" | 0 | "${cx_other:=$3}") ;; *) cx_why="belongs to another user" cx_where=$9 ;; esac
    case $1 in d*) cx_top=$3 ;; esac
    shift 9
  done
  case $cx_other in '' | "$cx_top") ;; *) cx_why="belongs to another user" cx_where=. ;; esac
  [ -z "$cx_why" ]
}

# Whether no other user can change a link in a path. Most paths have none, and cost no process.
cx_is_led_safely() { # OUR-ID PATH
  cx_at=$2
  until [ -L "$cx_at" ]; do
    [ -n "$cx_at" ] || return 0
    cx_at=${cx_at%/*}
  done
  (cx_follow "$1" "$2")
}

cx_follow() { # OUR-ID PATH
  cx_rest=$2/ cx_links=0
  cd / || return
  while [ -n "$cx_rest" ]; do
    cx_part=./${cx_rest%%/*} cx_rest=${cx_rest#*/}
    if [ -L "$cx_part" ]; then
      cx_lines=$(cx_list .) && cx_links=$((cx_links + 1)) && [ "$cx_links" -lt 40 ] || return
      # shellcheck disable=SC2086 # Split on purpose.
      cx_is_safe "$1" $cx_lines || return
      # shellcheck disable=SC2046 # Split on purpose: mode, links, owner.
      set -- "$1" $(ls -ldn "$cx_part")
      case ${4-} in "$1" | 0 | "$cx_top") ;; *) return 1 ;; esac
      cx_part=$(readlink "$cx_part" 2>/dev/null) && cx_rest=$cx_part/$cx_rest || return
      case $cx_part in /*) cx_part=/ ;; *) cx_part=. ;; esac
    fi
    cd -P "$cx_part" 2>/dev/null || return
  done
}

# Many systems give each user a group of the same name, with nobody else in it, and a umask that trusts it.
cx_is_own_group() { # GROUP-ID
  [ "$1" -ne 0 ] && [ "$1" = "$(id -g)" ] && [ "$(id -gn)" = "$(id -un)" ]
}

# Becomes the runtime. The program undoes these variables, so that the commands of the agent never see them.
cx_start() { # DIR ARGUMENT...
  cx_dir=$1
  shift
  unset -v CODEX_OUTER_DENO_DIR CODEX_OUTER_NODE_OPTIONS DENO_SERVE_ADDRESS NODE_CHANNEL_FD
  # Meant for programs that somebody writes for this runtime. It would export telemetry, call a scheduler,
  # open a tunnel, ask a broker, or write logs and coverage for them; we do none of this.
  unset -v OTEL_DENO DENO_UNSTABLE_CRON_SOCK DENO_UNSTABLE_CONTROL_SOCK DENO_CONNECTED \
    DENO_PERMISSION_BROKER_PATH DENO_AUDIT_PERMISSIONS DENO_COVERAGE_DIR
  [ -z "${DENO_DIR+set}" ] || export CODEX_OUTER_DENO_DIR="$DENO_DIR"
  # The runtime would load into our process what it names, as editors set it for the programs in their terminals.
  [ -z "${NODE_OPTIONS+set}" ] || export CODEX_OUTER_NODE_OPTIONS="$NODE_OPTIONS"
  unset -v NODE_OPTIONS
  export CODEX_PACKED_FILE="$cx_file" CODEX_PACKED_DIR="$cx_dir" DENO_NO_UPDATE_CHECK=1
  # Tells that this version is in use: the old ones are removed after a while.
  true 2>/dev/null >"$cx_dir/ready"
  if [ -n "$cx_outside" ]; then
    # A code cache cannot be verified, so it must not be found.
    export CODEX_PACKED_VERIFIED=1 DENO_DIR=/dev/null
    exec "$cx_dir/deno" @FLAGS@ --no-code-cache "$cx_dir/app/main.js" "$@"
  fi
  unset -v CODEX_PACKED_VERIFIED
  export DENO_DIR="$cx_dir/denodir"
  exec "$cx_dir/deno" @FLAGS@ "$cx_dir/app/main.js" "$@"
}

cx_first_start() { # ARGUMENT...
  [ -r "$cx_file" ] || cx_die "cannot read $cx_file; start it by its path"
  cx_size=$(($(wc -c <"$cx_file")))
  cx_expected=@SIZE@
  [ "$cx_size" -eq "$cx_expected" ] ||
    cx_die "$cx_file is incomplete: $cx_size of $cx_expected bytes; download it again"
  # A shell may take a program for another processor for a script, and run what it makes of it.
  cx_target=@TARGET@ cx_system=$(uname -sm)
  case "$cx_target on $cx_system" in
    x86_64-*-linux-*' on Linux x86_64' | aarch64-*-linux-*' on Linux aarch64' | *-darwin' on Darwin '*) ;;
    *) cx_die "this file is for $cx_target, not for $cx_system" ;;
  esac
  cx_uid=$(id -u)
  cx_reasons=''
  for cx_base in "${CODEX_RUNTIME_DIR:-}" "${XDG_CACHE_HOME:+$XDG_CACHE_HOME/codex-runtime}" \
    "${HOME:+$HOME/.cache/codex-runtime}"; do
    case $cx_base in /*) cx_try "$cx_base" && cx_start "$cx_said" "$@" ;; esac
  done
  cx_outside=1
  for cx_base in "${TMPDIR:-/tmp}" /tmp /var/tmp /dev/shm; do
    cx_base=${cx_base%/}/codex-runtime-$cx_uid
    case $cx_reasons in *" $cx_base: "*) continue ;; esac
    cx_try "$cx_base" && cx_start "$cx_said" "$@"
  done
  cx_die "cannot unpack its runtime:$cx_reasons
It needs 120 MB in a folder that only you can write and that programs may run from: set CODEX_RUNTIME_DIR to one"
}

cx_die() { # MESSAGE
  echo "codex: $1" >&2
  exit 126
}

# Finds or makes the version folder in a base folder: cx_said is its path or, if it cannot be, the reason.
cx_try() { # BASE
  cx_said=$(cx_unpack "$1" </dev/null)
  cx_status=$?
  case $cx_status in
    0) return 0 ;;
    1) ;;
    2) cx_die "$cx_said" ;;
    *) exit "$cx_status" ;;
  esac
  cx_reasons="$cx_reasons
  $1: $cx_said"
  return 1
}

# Ends the unpacking: with 1 if another folder may do, with 2 if none will.
cx_fail() { # REASON [EXIT CODE]
  echo "$1"
  exit "${2-1}"
}

# Runs in a subshell, which keeps its umask, traps, variables and working directory to itself.
cx_unpack() ( # BASE
  umask 077
  # Its tools shall speak the language in which their answers are read here, and do nothing extra.
  export LC_ALL=C
  unset -v GZIP TAR_OPTIONS
  case $1 in /*) ;; *) cx_fail "not an absolute path" ;; esac
  [ -z "$cx_outside" ] || [ ! -L "$1" ] || cx_fail "it is a symbolic link"
  cx_made='' cx_new='' cx_lock=''
  [ -d "$1" ] || cx_made=$1
  cx_check_place "$1"
  trap 'rm -rf "$cx_new" "$cx_lock"; [ -z "$cx_made" ] || rmdir "$cx_made" 2>/dev/null' EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  # Nobody waits for the result any more.
  trap 'exit 141' PIPE
  [ -z "$cx_made" ] || cx_text=$(mkdir -p "$1" 2>&1) || cx_fail "${cx_text##*: }"
  cx_place=$(cd -P "$1" 2>/dev/null && pwd -P) || cx_fail "cannot enter it"
  [ -O "$cx_place" ] || cx_fail "it belongs to another user"
  # Somebody else may have made a part of it in between.
  [ -z "$cx_made" ] || cx_check_place "$cx_place"
  cx_folder=$cx_place/@NAME@
  cx_is_usable "$cx_folder" || cx_install "$1"
  echo "$cx_folder"
)

# What lies in the private cache is trusted, anything else is verified.
cx_is_usable() { # DIR
  cx_is_ready "$1" && { [ -z "$cx_outside" ] || cx_verify "$1"; }
}

cx_verify() ( # DIR
  cd "$1" || exit 1
  cx_got=$(cx_sum <MANIFEST 2>/dev/null)
  [ "${cx_got%% *}" = @MANIFEST_SUM@ ] && cx_sum -c MANIFEST >/dev/null 2>&1 || exit 1
  # shellcheck disable=SC2012 # A name with a newline counts twice, which is as wrong.
  [ $(($(ls -A app | wc -l))) = @FILES@ ]
)

# The part of the path that does not exist yet will be ours.
cx_check_place() { # DIR
  cx_part=$1
  until [ -d "$cx_part/" ]; do cx_part=${cx_part%/*}; done
  cx_lines=$(cx_list "$cx_part/") || cx_fail "cannot enter $cx_part"
  # shellcheck disable=SC2086 # Split on purpose.
  cx_is_safe "$cx_uid" $cx_lines || cx_fail "$(cd -P "$cx_part/$cx_where" && pwd -P) $cx_why"
  cx_is_led_safely "$cx_uid" "$cx_part" || cx_fail "another user can change a link in this path"
}

cx_install() { # BASE
  cx_make_folder
  cx_check_exec
  cx_wait || return 0
  cx_extract
  cx_publish
  # By the path of later starts, which V8's code cache goes by.
  [ -n "$cx_outside" ] || ! cx_is_ready "$1/@NAME@" || (cx_start "$1/@NAME@" cache prime) >/dev/null 2>&1
}

# A folder for the unpacking that no other process has: `mkdir` tells who was first.
cx_make_folder() {
  cx_count=0
  until cx_text=$(mkdir "$cx_place/.unpack-$$-$cx_count" 2>&1); do
    [ -d "$cx_place/.unpack-$$-$cx_count" ] || cx_fail "${cx_text##*: }"
    cx_count=$((cx_count + 1))
  done
  cx_new=$cx_place/.unpack-$$-$cx_count
}

cx_check_exec() {
  { echo '#!/bin/sh' >"$cx_new/try"; } 2>/dev/null || cx_fail "no space left"
  chmod 700 "$cx_new/try"
  "$cx_new/try" 2>/dev/null || cx_fail "programs cannot run from there (mounted noexec)"
  rm "$cx_new/try"
}

# One process unpacks and the others wait for it; false when it is done. Safety does not depend on this lock.
cx_wait() {
  cx_count=0 cx_lock_at=$cx_place/.lock-@NAME@
  until mkdir "$cx_lock_at" 2>/dev/null; do
    cx_is_usable "$cx_folder" && return 1
    cx_count=$((cx_count + 1))
    [ "$cx_count" -lt 100 ] || return 0
    # An owner that is gone, or never says who it is, is not waited for.
    cx_owner=$(cat "$cx_lock_at/pid" 2>/dev/null)
    case $cx_owner in '') [ "$cx_count" -lt 5 ] ;; *) kill -0 "$cx_owner" 2>/dev/null ;; esac || {
      rm -rf "$cx_lock_at"
      continue
    }
    sleep 0.1 2>/dev/null || sleep 1
  done
  cx_lock=$cx_lock_at
  { echo $$ >"$cx_lock/pid"; } 2>/dev/null
  # The owner before us may have finished in between.
  ! cx_is_usable "$cx_folder"
}

cx_extract() {
  for cx_tool in tail gzip tar; do
    command -v "$cx_tool" >/dev/null 2>&1 || cx_fail "unpacking needs $cx_tool, which is not on this system" 2
  done
  [ ! -t 2 ] || echo "codex: unpacking, once, to $cx_folder" >&2
  cd "$cx_new" || cx_fail "cannot enter it"
  cx_payload | cx_sum >sum 2>/dev/null &
  cx_text=$({ cx_payload | { gzip -dc || true >broken; } | tar -xof -; } 2>&1)
  cx_status=$?
  wait
  cx_check_payload
  if [ "$cx_status" -ne 0 ] || [ -e broken ] || [ ! -f MANIFEST ]; then
    case $cx_text in
      *'o space left'* | *uota* | *'Wrote only'*) cx_fail "no space left" ;;
      *) cx_fail "cannot be unpacked there: $cx_text" ;;
    esac
  fi
  rm sum
  { mkdir denodir && true >ready; } 2>/dev/null || cx_fail "no space left"
  cx_is_ready "$cx_new" || cx_fail "a folder there cannot be closed to other users"
  cx_check_runtime
}

cx_check_payload() {
  cx_got=''
  read -r cx_got _ 2>/dev/null <sum
  case $cx_got in
    @PAYLOAD_SUM@) ;;
    # Without a program that computes checksums, those of gzip must do.
    '') cx_payload | gzip -dc >/dev/null 2>&1 ;;
    *) false ;;
  esac || cx_fail "$cx_file is damaged: its checksum is wrong; download it again" 2
}

cx_check_runtime() {
  cx_text=$(./deno --version 2>&1 >/dev/null) || case $? in
    126) cx_fail "the runtime may not run there: ${cx_text##*: }" ;;
    127) cx_fail "the runtime needs the GNU C library (glibc), which is not on this system" 2 ;;
    *) cx_fail "the runtime does not start: $cx_text" 2 ;;
  esac
}

cx_payload() {
  tail -c +@OFFSET@ "$cx_file"
}

cx_sum() {
  if command -v sha256sum >/dev/null 2>&1; then sha256sum "$@"; else shasum -a 256 "$@"; fi
}

# The rename makes it visible to others, complete.
cx_publish() {
  cd /
  if [ -e "$cx_folder" ] || [ -L "$cx_folder" ]; then
    cx_is_usable "$cx_folder" && return
    cx_text=$(mv "$cx_folder" "$cx_new/old" 2>&1) || cx_fail "${cx_text##*: }"
    rm -rf "$cx_new/old"
  fi
  cx_text=$(mv "$cx_new" "$cx_folder" 2>&1) || cx_fail "${cx_text##*: }"
  # If somebody was faster in between, `mv` has put ours inside theirs.
  rm -rf "${cx_folder:?}/${cx_new##*/}"
}

cx_main "$@"
exit; }
