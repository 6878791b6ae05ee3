#!/usr/bin/env bash
# For scripts that need a docker daemon; they source it. The caller sets scratch,
# a directory of its own, and calls end_daemon when it ends.

# Where Debian keeps dockerd, which is not everybody's path.
PATH=$PATH:/usr/sbin
as=()
[[ $(id -u) -eq 0 ]] || as=(sudo)
daemon=''

# within TICKS COMMAND... tries a command ten times a second until it succeeds.
within() {
  local ticks=$1
  shift
  for ((; ticks > 0; ticks--)); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.1
  done
  return 1
}

is_gone() { ! "${as[@]}" kill -0 "$1" 2>/dev/null; }

# need_daemon is content with the daemon that answers, and starts one where none
# does: with no firewall rules, because its proxy publishes ports without them,
# and with a storage driver that works on every file system.
need_daemon() {
  command -v docker >/dev/null || die "docker is not installed"
  docker info >/dev/null 2>&1 && return
  command -v dockerd >/dev/null || die "no docker daemon answers, and dockerd is not installed"
  export DOCKER_HOST=unix://$scratch/docker.sock
  "${as[@]}" setsid dockerd --host "$DOCKER_HOST" --data-root "$scratch/data" --exec-root "$scratch/exec" \
    --pidfile "$scratch/pid" --storage-driver vfs --iptables=false --ip6tables=false --ip-masq=false --group "$(id -gn)" \
    </dev/null >"$scratch/log" 2>&1 &
  if ! within 300 docker info; then
    daemon=$(cat "$scratch/pid" 2>/dev/null || true)
    tail -20 "$scratch/log" >&2
    die "dockerd does not answer after 30 seconds"
  fi
  daemon=$(<"$scratch/pid")
}

# end_daemon ends the daemon that need_daemon has started, and removes scratch.
end_daemon() {
  if [[ -n $daemon ]]; then
    "${as[@]}" kill "$daemon" 2>/dev/null || true
    within 200 is_gone "$daemon" || "${as[@]}" kill -KILL "$daemon" 2>/dev/null || true
    # What it made and mounted for its networks stays behind.
    "${as[@]}" ip link delete docker0 2>/dev/null || true
    local at
    while read -r _ at _; do
      [[ $at != "$scratch"/* ]] || "${as[@]}" umount "$at" || true
    done </proc/mounts
  fi
  "${as[@]}" rm -rf "$scratch" || echo "$scratch is left" >&2
}
