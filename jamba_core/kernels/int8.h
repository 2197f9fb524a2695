#ifndef INT8_H
#define INT8_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "pool.h"

#define SLOTS 4

typedef struct {
  const uint8_t *packed;
  const float *scale; /* [rows] */
  const float *bias;  /* [rows] or null */
  int rows, columns;
  int bytes; /* of an activation: 2 or 3 */
} Matrix;

typedef struct {
  int8_t *digits; /* [rows][bytes][padded], the high byte first */
  float *steps;   /* [rows] */
  int *sums;      /* [rows][bytes] */
  int padded;
} Rounded;

/* 2^x, held between 2^-126 and 2^126; relative error 2e-7. */
static inline float exp2_of(float x) {
  x = x < -126.0f ? -126.0f : x > 126.0f ? 126.0f : x;
  float whole = __builtin_rintf(x), f = x - whole;
  float p = 1.5403530e-4f;
  p = p * f + 1.3333558e-3f;
  p = p * f + 9.6181291e-3f;
  p = p * f + 5.5504109e-2f;
  p = p * f + 2.4022651e-1f;
  p = p * f + 6.9314718e-1f;
  p = p * f + 1.0f;
  int32_t bits = ((int32_t)whole + 127) << 23;
  float power;
  memcpy(&power, &bits, 4);
  return p * power;
}

static inline float exp_of(float x) { return exp2_of(x * 1.44269504f); }

static inline float silu(float x) { return x / (1.0f + exp_of(-x)); }

/* log(1 + e^x) by the series of atanh: exact to float32 for every x. */
static inline float softplus(float x) {
  float y = exp_of(x < 0 ? x : -x), t = y / (2.0f + y), q = t * t;
  float p = 1.0f / 15;
  p = p * q + 1.0f / 13;
  p = p * q + 1.0f / 11;
  p = p * q + 1.0f / 9;
  p = p * q + 1.0f / 7;
  p = p * q + 1.0f / 5;
  p = p * q + 1.0f / 3;
  p = p * q + 1.0f;
  return (x > 0 ? x : 0) + 2.0f * t * p;
}

/* Memory that this thread keeps for the next call; one block a slot. */
void *scratch(int slot, size_t bytes);

Rounded int8_round(int slot, const float *x, int rows, int columns, int bytes);

#endif
