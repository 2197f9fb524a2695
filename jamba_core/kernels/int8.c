/* Products with int8 weights: out[s][n] = scale[n] * sum_k x[s][k] w[n][k] + bias[n].

Activations become whole numbers of two or three bytes, with one step for each row of x, so all
sums are exact integers: a row's result does not depend on what is computed beside it. Two bytes
(1 / 65,000 of the row's largest number) round finer than bfloat16 does; three as float32.

Weights are packed in panels of 16 output rows, w[panel][k / 4][16][4], each byte plus 128 (the
instruction multiplies unsigned by signed); 128 * sum_k x is taken off afterwards. */
#include "int8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pool.h"

#if defined(__AVX512VNNI__) && defined(__AVX512F__)
#include <immintrin.h>
typedef __m512i Sums; /* 16 rows of a panel */
#define ZERO _mm512_setzero_si512()
#define LOAD(p) _mm512_loadu_si512(p)
#define SPREAD(p) _mm512_set1_epi32(*(const int *)(p))
#define MULTIPLY(sums, w, x) _mm512_dpbusd_epi32(sums, w, x)
#define STORE(p, sums) _mm512_storeu_si512(p, sums)
#else
typedef struct { int32_t n[16]; } Sums;
typedef struct { uint8_t b[64]; } Panel;
typedef struct { int8_t b[4]; } Four;
#define ZERO ((Sums){{0}})
#define LOAD(p) (*(const Panel *)(p))
#define SPREAD(p) (*(const Four *)(p))
static inline Sums multiply(Sums sums, Panel w, Four x) {
  for (int r = 0; r < 16; r++)
    for (int j = 0; j < 4; j++) sums.n[r] += (int32_t)w.b[4 * r + j] * x.b[j];
  return sums;
}
#define MULTIPLY(sums, w, x) multiply(sums, w, x)
#define STORE(p, sums) memcpy(p, &(sums), sizeof(Sums))
#endif

void int8_pack(const int8_t *weight, int rows, int columns, uint8_t *packed) {
  int fours = (columns + 3) / 4, panels = (rows + 15) / 16;
  memset(packed, 128, (size_t)panels * fours * 64);
  for (int n = 0; n < rows; n++) {
    uint8_t *to = packed + (size_t)(n / 16) * fours * 64 + n % 16 * 4;
    const int8_t *from = weight + (size_t)n * columns;
    for (int k = 0; k < columns; k++) to[k / 4 * 64 + k % 4] = (uint8_t)(from[k] + 128);
  }
}

void int8_unpack(const uint8_t *packed, int rows, int columns, int8_t *weight) {
  int fours = (columns + 3) / 4;
  for (int n = 0; n < rows; n++) {
    const uint8_t *from = packed + (size_t)(n / 16) * fours * 64 + n % 16 * 4;
    for (int k = 0; k < columns; k++)
      weight[(size_t)n * columns + k] = (int8_t)(from[k / 4 * 64 + k % 4] - 128);
  }
}

void *scratch(int slot, size_t bytes) {
  static _Thread_local struct { void *data; size_t bytes; } kept[SLOTS];
  if (kept[slot].bytes < bytes) {
    free(kept[slot].data);
    kept[slot].data = malloc(bytes + bytes / 4);
    kept[slot].bytes = kept[slot].data ? bytes + bytes / 4 : 0;
  }
  return kept[slot].data;
}

static void round_row(const float *x, int columns, int bytes, int padded, Rounded *to, int s) {
  float largest = 0;
  for (int k = 0; k < columns; k++) largest = fmaxf(largest, fabsf(x[k]));
  /* A little below what the bytes hold, as x * inverse may round upward. */
  int most = bytes == 2 ? 127 * 256 + 126 : (127 * 256 + 127) * 256 + 64;
  float step = largest / most, inverse = largest > 0 ? most / largest : 0;
  int8_t *digits = to->digits + (size_t)s * bytes * padded;
  int *sums = to->sums + s * bytes;
  to->steps[s] = step;
  memset(sums, 0, sizeof(int) * bytes);
  memset(digits, 0, (size_t)bytes * padded);
  int low_sum = 0, middle_sum = 0, high_sum = 0;
  if (bytes == 2) {
    for (int k = 0; k < columns; k++) {
      int whole = (int)lrintf(x[k] * inverse);
      int high = (whole + 128) >> 8, low = whole - (high << 8);
      digits[k] = (int8_t)high;
      digits[padded + k] = (int8_t)low;
      high_sum += high;
      low_sum += low;
    }
    sums[0] = high_sum;
    sums[1] = low_sum;
  } else {
    for (int k = 0; k < columns; k++) {
      int whole = (int)lrintf(x[k] * inverse);
      int rest = (whole + 128) >> 8, low = whole - (rest << 8);
      int high = (rest + 128) >> 8, middle = rest - (high << 8);
      digits[k] = (int8_t)high;
      digits[padded + k] = (int8_t)middle;
      digits[2 * padded + k] = (int8_t)low;
      high_sum += high;
      middle_sum += middle;
      low_sum += low;
    }
    sums[0] = high_sum;
    sums[1] = middle_sum;
    sums[2] = low_sum;
  }
}

typedef struct { const float *x; int columns, bytes, padded, rows; Rounded *to; } Rounding;

static void round_chunk(void *argument, int chunk) {
  Rounding *r = argument;
  for (int s = chunk * 8; s < chunk * 8 + 8 && s < r->rows; s++)
    round_row(r->x + (size_t)s * r->columns, r->columns, r->bytes, r->padded, r->to, s);
}

Rounded int8_round(int slot, const float *x, int rows, int columns, int bytes) {
  int padded = (columns + 3) / 4 * 4;
  size_t digits = (size_t)rows * bytes * padded, aligned = (digits + 63) / 64 * 64;
  char *block = scratch(slot, aligned + (size_t)rows * (sizeof(float) + bytes * sizeof(int)));
  Rounded to = {(int8_t *)block, (float *)(block + aligned), 0, padded};
  to.sums = (int *)(to.steps + rows);
  Rounding r = {x, columns, bytes, padded, rows, &to};
  pool_run(round_chunk, &r, (rows + 7) / 8);
  return to;
}

typedef struct {
  const Matrix *m;
  const Rounded *x;
  const int *from; /* rows of x to use, or null: all in order */
  const int *into; /* rows of out to add to, or null: written in order */
  const float *weights; /* a factor for each row, with `into` */
  int rows;
  float *out;
} Product;

#define WIDE 4  /* panels at once */
#define TALL 3  /* rows of x at once */

static inline __attribute__((always_inline)) void tile(
    const Product *p, int panel, int s, const int wide, const int tall, const int bytes) {
  const Matrix *m = p->m;
  int fours = (m->columns + 3) / 4, padded = p->x->padded;
  Sums sums[WIDE][TALL][3];
  const int8_t *x[TALL];
  const uint8_t *w = m->packed + (size_t)panel * fours * 64;
#pragma GCC unroll 4
  for (int t = 0; t < tall; t++) {
    int row = p->from ? p->from[s + t] : s + t;
    x[t] = p->x->digits + (size_t)row * bytes * padded;
#pragma GCC unroll 4
    for (int v = 0; v < wide; v++)
#pragma GCC unroll 4
      for (int b = 0; b < bytes; b++) sums[v][t][b] = ZERO;
  }
  for (int k = 0; k < fours; k++)
#pragma GCC unroll 4
    for (int t = 0; t < tall; t++)
#pragma GCC unroll 4
      for (int b = 0; b < bytes; b++)
#pragma GCC unroll 4
        for (int v = 0; v < wide; v++)
          sums[v][t][b] = MULTIPLY(
              sums[v][t][b], LOAD(w + ((size_t)v * fours + k) * 64), SPREAD(x[t] + b * padded + 4 * k));
#pragma GCC unroll 4
  for (int t = 0; t < tall; t++) {
    int row = p->from ? p->from[s + t] : s + t;
    const int *taken = p->x->sums + row * bytes;
    float step = p->x->steps[row];
#pragma GCC unroll 4
    for (int v = 0; v < wide; v++) {
      int32_t whole[3][16];
#pragma GCC unroll 4
      for (int b = 0; b < bytes; b++) STORE(whole[b], sums[v][t][b]);
      int first = (panel + v) * 16, count = m->rows - first < 16 ? m->rows - first : 16;
      float result[16];
      for (int r = 0; r < 16; r++) {
        float total = 0;
        for (int b = 0; b < bytes; b++) total = total * 256 + (float)(whole[b][r] - 128 * taken[b]);
        result[r] = total;
      }
      float *out = p->out + (size_t)(p->into ? p->into[s + t] : s + t) * m->rows + first;
      for (int r = 0; r < count; r++) {
        float value = result[r] * m->scale[first + r] * step;
        if (m->bias) value += m->bias[first + r];
        out[r] = p->into ? out[r] + value * p->weights[s + t] : value;
      }
    }
  }
}

/* All rows of x against some panels; each line is its own copy of `tile`, in registers. */
static void panels_of(const Product *p, int panel, int wide, int bytes) {
  int s = 0, rows = p->rows;
  if (bytes == 2 && wide == WIDE) {
    for (; s + 3 <= rows; s += 3) tile(p, panel, s, WIDE, 3, 2);
    for (; s + 2 <= rows; s += 2) tile(p, panel, s, WIDE, 2, 2);
    for (; s < rows; s++) tile(p, panel, s, WIDE, 1, 2);
  } else if (bytes == 2) {
    for (; s + 2 <= rows; s += 2) tile(p, panel, s, 1, 2, 2);
    for (; s < rows; s++) tile(p, panel, s, 1, 1, 2);
  } else if (wide == WIDE) {
    for (; s + 2 <= rows; s += 2) tile(p, panel, s, WIDE, 2, 3);
    for (; s < rows; s++) tile(p, panel, s, WIDE, 1, 3);
  } else {
    for (; s + 2 <= rows; s += 2) tile(p, panel, s, 1, 2, 3);
    for (; s < rows; s++) tile(p, panel, s, 1, 1, 3);
  }
}

static void product_chunk(void *argument, int chunk) {
  const Product *p = argument;
  int panels = (p->m->rows + 15) / 16, panel = chunk * WIDE;
  if (panel + WIDE <= panels) {
    panels_of(p, panel, WIDE, p->m->bytes);
    return;
  }
  for (; panel < panels; panel++) panels_of(p, panel, 1, p->m->bytes);
}

static void product(Product p) {
  pool_run(product_chunk, &p, ((p.m->rows + 15) / 16 + WIDE - 1) / WIDE);
}

void int8_product(const Matrix *m, const float *x, int rows, float *out) {
  Rounded rounded = int8_round(0, x, rows, m->columns, m->bytes);
  product((Product){m, &rounded, 0, 0, 0, rows, out});
}

typedef struct { float *h; int rows, width; } Gating;

static void gate_chunk(void *argument, int chunk) {
  Gating *g = argument;
  for (int s = chunk * 4; s < chunk * 4 + 4 && s < g->rows; s++) {
    float *gate = g->h + (size_t)s * 2 * g->width, *up = gate + g->width;
    float *to = g->h + (size_t)s * 2 * g->width;
    for (int i = 0; i < g->width; i++) to[i] = silu(gate[i]) * up[i];
  }
}

typedef struct { const float *h; int rows, width, bytes; Rounded *to; } Halves;

static void round_halves(void *argument, int chunk) {
  Halves *r = argument;
  for (int s = chunk * 8; s < chunk * 8 + 8 && s < r->rows; s++)
    round_row(r->h + (size_t)s * 2 * r->width, r->width, r->bytes, r->to->padded, r->to, s);
}

static Rounded gated(const Matrix *gate_up, const Rounded *x, const int *from, int rows) {
  int width = gate_up->rows / 2, padded = (width + 3) / 4 * 4;
  float *h = scratch(1, (size_t)rows * 2 * width * sizeof(float));
  product((Product){gate_up, x, from, 0, 0, rows, h});
  Gating g = {h, rows, width};
  pool_run(gate_chunk, &g, (rows + 3) / 4);
  size_t digits = ((size_t)rows * 3 * padded + 63) / 64 * 64;
  char *block = scratch(2, digits + (size_t)rows * 4 * sizeof(float));
  Rounded to = {(int8_t *)block, (float *)(block + digits), 0, padded};
  to.sums = (int *)(to.steps + rows);
  Halves r = {h, rows, width, gate_up->bytes, &to};
  pool_run(round_halves, &r, (rows + 7) / 8);
  return to;
}

void int8_mlp(const Matrix *gate_up, const Matrix *down, const float *x, int rows, float *out) {
  Rounded rounded = int8_round(0, x, rows, gate_up->columns, gate_up->bytes);
  Rounded inner = gated(gate_up, &rounded, 0, rows);
  product((Product){down, &inner, 0, 0, 0, rows, out});
}

void int8_experts(const Matrix *gate_ups, const Matrix *downs, int experts, int each,
                  const int64_t *chosen, const float *weights, const float *x, int rows,
                  float *out) {
  Rounded rounded = int8_round(0, x, rows, gate_ups->columns, gate_ups->bytes);
  memset(out, 0, (size_t)rows * downs->rows * sizeof(float));
  int *mine = scratch(3, (size_t)rows * (sizeof(int) + sizeof(float)));
  float *shares = (float *)(mine + rows);
  for (int e = 0; e < experts; e++) {
    int count = 0;
    for (int s = 0; s < rows; s++)
      for (int k = 0; k < each; k++)
        if (chosen[s * each + k] == e) {
          mine[count] = s;
          shares[count++] = weights[s * each + k];
        }
    if (!count) continue;
    Rounded inner = gated(gate_ups + e, &rounded, mine, count);
    product((Product){downs + e, &inner, 0, mine, shares, count, out});
  }
}
