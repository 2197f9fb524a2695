/* RMSNorm of rows, whole or in pieces: x / sqrt(mean(x^2) + eps) * weight. */
#include <math.h>
#include <stddef.h>

static void norm(const float *x, const float *weight, float eps, int width, float *out) {
  float lanes[16] = {0}, sum = 0;
  int k = 0;
  for (; k + 16 <= width; k += 16)
    for (int j = 0; j < 16; j++) lanes[j] += x[k + j] * x[k + j];
  for (; k < width; k++) sum += x[k] * x[k];
  for (int j = 0; j < 16; j++) sum += lanes[j];
  float factor = 1.0f / sqrtf(sum / width + eps);
  for (int i = 0; i < width; i++) out[i] = x[i] * factor * weight[i];
}

void norm_rows(const float *x, const float *weight, float eps, int rows, int width, float *out) {
  for (int s = 0; s < rows; s++)
    norm(x + (size_t)s * width, weight, eps, width, out + (size_t)s * width);
}

/* dt, B and C of a Mamba mixer, each with its own mean, in place. */
void norm_pieces(float *x, const float *weight, float eps, int rows, int rank, int states) {
  int width = rank + 2 * states;
  for (int s = 0; s < rows; s++) {
    float *row = x + (size_t)s * width;
    norm(row, weight, eps, rank, row);
    norm(row + rank, weight + rank, eps, states, row + rank);
    norm(row + rank + states, weight + rank + states, eps, states, row + rank + states);
  }
}
