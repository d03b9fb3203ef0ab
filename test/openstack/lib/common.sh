# shellcheck shell=bash disable=SC2034
# Shared by all scripts of this folder: paths, ports, process helpers.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export PATH=/usr/sbin:/usr/bin:/sbin:/bin       # never a pyenv/venv python
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV PYENV_VERSION

S=${AIO_STATE:-/tmp/openstack-aio}; S=$(realpath -m "$S")
# What the first `up` was told holds for every later script of this state.
settings=(AIO_PASSWORD AIO_PORT_OFFSET AIO_BYTES_PER_GIB AIO_BACKUP_COMPRESSION)
# shellcheck source=/dev/null
if [ -r "$S/settings" ]; then . "$S/settings"; fi
save_settings() {
  local v
  [ -e "$S/settings" ] || for v in "${settings[@]}"; do
    [ -z "${!v:-}" ] || printf '%s=%q\n' "$v" "${!v}"
  done > "$S/settings"
}
PW=${AIO_PASSWORD:-openstack}
OFF=${AIO_PORT_OFFSET:-10000}
IP=127.0.0.1
P_MYSQL=$((3306 + OFF));  P_RABBIT=$((5672 + OFF)); P_DIST=$((5673 + OFF)); P_EPMD=$((4369 + OFF))
P_MEMC=$((11211 + OFF));  P_KEYSTONE=$((5000 + OFF)); P_GLANCE=$((9292 + OFF))
P_NOVA=$((8774 + OFF));   P_CINDER=$((8776 + OFF));  P_PLACEMENT=$((8778 + OFF))
P_NEUTRON=$((9696 + OFF)); P_HORIZON=$((8080 + OFF))
P_CEPH_MON=$((6789 + OFF)); P_CEPH_MON2=$((3300 + OFF))   # the others: 6800 + OFF and up
AUTH_URL=http://$IP:$P_KEYSTONE/v3
PY=/usr/bin/python3
# Everything here is single-threaded and small: keep glibc arenas few.
export MALLOC_ARENA_MAX=2 LANG=C.UTF-8 LC_ALL=C.UTF-8
t0=$(date +%s)

say() { printf '[%4ss] %s\n' "$(( $(date +%s) - t0 ))" "$*"; }
die() { echo "error: $*" >&2; exit 1; }

# A pid file holds "pid starttime", so a reused pid is never taken for ours.
starttime() { # PID -> start time in jiffies, empty if the process is gone
  local s; s=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  s=${s##*) }
  # shellcheck disable=SC2086
  set -- $s
  # a zombie is gone
  [ "$1" = Z ] || echo "${20}"
}
alive() { # NAME
  local pid st; [ -s "$S/run/$1.pid" ] || return 1
  read -r pid st < "$S/run/$1.pid"
  [ -n "$st" ] && [ "$(starttime "$pid")" = "$st" ]
}
start() { # NAME CMD... : a daemon in a session (process group) of its own
  local name=$1; shift
  if alive "$name"; then return 0; fi
  setsid "$@" </dev/null >>"$S/log/$name.log" 2>&1 9>&- &   # 9: the lock
  local pid=$!
  echo "$pid $(starttime "$pid")" > "$S/run/$name.pid"
  say "started $name"
}
stop() { # NAME : TERM its process group, KILL after 15 s
  local name=$1 pid
  [ -s "$S/run/$name.pid" ] || return 0
  if alive "$name"; then
    read -r pid _ < "$S/run/$name.pid"
    kill -TERM -- "-$pid" 2>/dev/null || kill -TERM "$pid" 2>/dev/null || true
    for _ in $(seq 150); do
      kill -0 -- "-$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL -- "-$pid" 2>/dev/null || true
    say "stopped $name"
  fi
  rm -f "$S/run/$name.pid"
}
wait_for() { # SECONDS WHAT CMD...
  local n=$1 what=$2 i; shift 2
  for ((i = 0; i < n * 5; i++)); do "$@" >/dev/null 2>&1 && return 0; sleep 0.2; done
  die "$what is not ready after ${n}s; see $S/log"
}
http_up() { # URL : any HTTP answer below 500
  local c; c=$(curl -s -m 5 -o /dev/null -w '%{http_code}' "$1") || return 1
  [ "$c" -ge 200 ] && [ "$c" -lt 500 ]
}
sql() { mariadb --no-defaults --socket="$S/run/mysql.sock" -uroot -N -B "$@"; }

# Order in which daemons start; `down` walks it backwards.
DAEMONS=(ceph-mon ceph-mgr ceph-osd mariadb epmd rabbitmq memcached neutron-stub keystone placement glance
  nova-conductor nova-scheduler nova-compute nova-api
  cinder-scheduler cinder-volume cinder-backup cinder-backup-ceph cinder-api horizon)

start_cinder_api() {
  start cinder-api cinder-api --config-file "$S/conf/cinder/cinder.conf" \
    --config-file "$S/conf/cinder/hook.conf" --log-file "$S/log/cinder-api.log"
}
