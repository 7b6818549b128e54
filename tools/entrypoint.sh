#!/bin/sh
# The entry point of the container: arguments are those of `pixazo-sim serve`, or another command of pixazo-sim with its own.
set -eu
case "${PIXAZO_SIM_PORT:-}" in tcp://*) unset PIXAZO_SIM_PORT ;; esac  # Kubernetes sets it for a Service pixazo-sim
export PIXAZO_SIM_PORT="${PIXAZO_SIM_PORT:-${PORT:-8900}}"  # platforms name the port in PORT
export PIXAZO_SIM_LISTEN_PORT="${PIXAZO_SIM_LISTEN_PORT:-${PORT:-8901}}"
case "${1:-}" in
  --version) ;;
  '' | -*) set -- serve "$@" ;;
esac
exec pixazo-sim "$@"  # which takes this shell's place, and so gets its signals
