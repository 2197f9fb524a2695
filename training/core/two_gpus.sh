#!/bin/bash
# One process a GPU: bash training/core/two_gpus.sh MODULE ARGUMENTS…   (PY names another python)
for rank in 0 1; do
  RANK=$rank WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=29511 GLOO_SOCKET_IFNAME=lo \
    NCCL_SOCKET_IFNAME=lo PYTHONUNBUFFERED=1 OMP_NUM_THREADS=1 "${PY:-python3}" -m "$@" &
done
for rank in 0 1; do # when one fails the other would wait for it
  wait -n || { kill $(jobs -p) 2>/dev/null; exit 1; }
done
