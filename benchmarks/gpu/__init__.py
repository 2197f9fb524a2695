"""Speed and correctness of the kernels on a GPU: `python -m benchmarks.gpu --out FILE`."""
