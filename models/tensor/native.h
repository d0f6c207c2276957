// What the Go side of this folder calls. One bgt_scaler is used by one thread at a time.
#ifndef BONGSU_TENSOR_NATIVE_H
#define BONGSU_TENSOR_NATIVE_H

#include <stdint.h>

struct SwsContext;

// bgt_scaler turns pictures of one shape into the picture part of a slot.
typedef struct bgt_scaler {
	struct SwsContext *sws;
	int src_h;
	int w, h;           // of the picture part
	int x, y;           // where it begins in the slot
	int slot_w, slot_h; // of the slot
	int64_t index[3];   // plane of the slot that takes G, B, R: libswscale's order
} bgt_scaler;

// bgt_shape is what a scaler is made for.
typedef struct bgt_shape {
	int src_w, src_h, nv12, full_range, matrix;
	int w, h, x, y, slot_w, slot_h, bgr;
	int algorithm; // SWS_*
} bgt_shape;

int64_t bgt_live(void);
int64_t bgt_passes(void);

uint8_t *bgt_alloc(int64_t bytes);
void bgt_free(uint8_t *p);

bgt_scaler *bgt_scaler_new(const bgt_shape *s);
void bgt_scaler_free(bgt_scaler *s);
int bgt_fill(bgt_scaler *s, const uint8_t *p0, int s0, const uint8_t *p1, int s1, const uint8_t *p2, int s2,
	     uint8_t *slot, uint8_t pad, int repaint);

#endif
