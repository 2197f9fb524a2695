# usage: two.sh module args...   two processes, one a GPU
for r in 0 1; do RANK=$r WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=29511 GLOO_SOCKET_IFNAME=lo NCCL_SOCKET_IFNAME=lo PYTHONUNBUFFERED=1 OMP_NUM_THREADS=${OMP:-1} ${PY:-python3} -m "$@" & done; wait
