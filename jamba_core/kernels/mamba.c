/* The parts of a Mamba mixer between its projections: convolution and selective scan.

Channels are split among threads, each small enough a block that its state stays in the cache
while all tokens pass. States are read and written apart, so a caller's old state stays valid. */
#include "int8.h"

#define BLOCK 64 /* channels */

typedef struct {
  const float *projected; /* [B T, 2 I]: input and gate */
  const float *past;      /* [B, K - 1, I] */
  const float *taps, *bias; /* [K, I], [I] */
  float *u, *last;        /* [B T, I], [B, K - 1, I] */
  int batch, time, inner, width;
} Conv;

static void conv_chunk(void *argument, int chunk) {
  Conv *c = argument;
  int begin = chunk * BLOCK, end = begin + BLOCK < c->inner ? begin + BLOCK : c->inner;
  int inner = c->inner, before = c->width - 1;
  for (int b = 0; b < c->batch; b++) {
    const float *past = c->past + (size_t)b * before * inner;
    const float *in = c->projected + (size_t)b * c->time * 2 * inner;
    for (int t = 0; t < c->time; t++) {
      float *u = c->u + ((size_t)b * c->time + t) * inner;
      float sum[BLOCK];
      for (int i = begin; i < end; i++) sum[i - begin] = c->bias[i];
      for (int k = 0; k < c->width; k++) {
        int at = t + k - before;
        const float *row = at < 0 ? past + (size_t)(before + at) * inner : in + (size_t)at * 2 * inner;
        for (int i = begin; i < end; i++) sum[i - begin] += c->taps[k * inner + i] * row[i];
      }
      for (int i = begin; i < end; i++) u[i] = silu(sum[i - begin]);
    }
    for (int k = 0; k < before; k++) {
      int at = c->time + k - before;
      const float *row = at < 0 ? past + (size_t)(before + at) * inner : in + (size_t)at * 2 * inner;
      float *to = c->last + ((size_t)b * before + k) * inner;
      for (int i = begin; i < end; i++) to[i] = row[i];
    }
  }
}

void mamba_conv(const float *projected, const float *past, const float *taps, const float *bias,
                float *u, float *last, int batch, int time, int inner, int width) {
  Conv c = {projected, past, taps, bias, u, last, batch, time, inner, width};
  pool_run(conv_chunk, &c, (inner + BLOCK - 1) / BLOCK);
}

typedef struct {
  const float *u, *dt;    /* [B T, I]; dt before softplus */
  const float *low;       /* [B T, R + 2 N]: its last columns are B and C */
  const float *gate;      /* [B T, 2 I]: its second half is the gate */
  const float *a2, *skip; /* [N, I], [I] */
  const float *state;     /* [B, N, I] */
  float *y, *next;        /* [B T, I], [B, N, I] */
  int batch, time, inner, states, columns;
} Scan;

static void scan_chunk(void *argument, int chunk) {
  Scan *c = argument;
  int begin = chunk * BLOCK, count = c->inner - begin < BLOCK ? c->inner - begin : BLOCK;
  int inner = c->inner, states = c->states;
  for (int b = 0; b < c->batch; b++) {
    size_t at = (size_t)b * states * inner + begin;
    const float *old = c->state + at;
    float *h = c->next + at;
    for (int t = 0; t < c->time; t++) {
      size_t row = (size_t)b * c->time + t;
      const float *u = c->u + row * inner + begin, *raw = c->dt + row * inner + begin;
      const float *in = c->low + row * c->columns + c->columns - 2 * states, *out = in + states;
      const float *gate = c->gate + row * 2 * inner + inner + begin;
      float dt[BLOCK], drive[BLOCK], sum[BLOCK];
      for (int i = 0; i < count; i++) {
        dt[i] = softplus(raw[i]);
        drive[i] = dt[i] * u[i];
        sum[i] = u[i] * c->skip[begin + i];
      }
      for (int n = 0; n < states; n++) {
        const float *a2 = c->a2 + (size_t)n * inner + begin, *from = old + (size_t)n * inner;
        float *to = h + (size_t)n * inner, bn = in[n], cn = out[n];
        for (int i = 0; i < count; i++) {
          float value = exp2_of(dt[i] * a2[i]) * from[i] + drive[i] * bn;
          to[i] = value;
          sum[i] += cn * value;
        }
      }
      float *y = c->y + row * inner + begin;
      for (int i = 0; i < count; i++) y[i] = sum[i] * silu(gate[i]);
      old = h;
    }
  }
}

void mamba_scan(const float *u, const float *dt, const float *low, const float *gate,
                const float *a2, const float *skip, const float *state, float *y, float *next,
                int batch, int time, int inner, int states, int columns) {
  Scan c = {u, dt, low, gate, a2, skip, state, y, next, batch, time, inner, states, columns};
  pool_run(scan_chunk, &c, (inner + BLOCK - 1) / BLOCK);
}
