//go:build cgo

#include "native.h"

#include <libavutil/log.h>
#include <libavutil/pixfmt.h>
#include <libswscale/swscale.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static _Atomic int64_t live;   // scalers and blocks that this folder holds
static _Atomic int64_t passes; // calls of sws_scale

int64_t bgt_live(void) { return atomic_load(&live); }

int64_t bgt_passes(void) { return atomic_load(&passes); }

uint8_t *bgt_alloc(int64_t bytes)
{
	void *p = NULL;
	if (posix_memalign(&p, 64, (size_t)bytes))
		return NULL;
	atomic_fetch_add(&live, 1);
	return p;
}

void bgt_free(uint8_t *p)
{
	free(p);
	atomic_fetch_add(&live, -1);
}

// coefficients picks the matrix of ITU-T H.273 table 4. What the stream does not say is taken
// as players take it: BT.709 for high definition, BT.601 below.
static const int *coefficients(int matrix, int height)
{
	switch (matrix) {
	case 1:
		return sws_getCoefficients(SWS_CS_ITU709);
	case 4:
		return sws_getCoefficients(SWS_CS_FCC);
	case 5:
	case 6:
		return sws_getCoefficients(SWS_CS_ITU601);
	case 7:
		return sws_getCoefficients(SWS_CS_SMPTE240M);
	case 9:
	case 10:
		return sws_getCoefficients(SWS_CS_BT2020);
	}
	return sws_getCoefficients(height >= 720 ? SWS_CS_ITU709 : SWS_CS_ITU601);
}

bgt_scaler *bgt_scaler_new(const bgt_shape *o)
{
	static const int rgb[3] = {1, 2, 0}, bgr[3] = {1, 0, 2};
	const int one = 1 << 16;
	bgt_scaler *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	av_log_set_level(AV_LOG_QUIET); // it complains of planes that are not aligned
	s->sws = sws_getContext(o->src_w, o->src_h, o->nv12 ? AV_PIX_FMT_NV12 : AV_PIX_FMT_YUV420P, o->w, o->h,
				AV_PIX_FMT_GBRP, o->algorithm, NULL, NULL, NULL);
	const int *c = coefficients(o->matrix, o->src_h);
	if (!s->sws || sws_setColorspaceDetails(s->sws, c, o->full_range, c, 1, 0, one, one) < 0) {
		sws_freeContext(s->sws);
		free(s);
		return NULL;
	}
	s->src_h = o->src_h;
	s->w = o->w;
	s->h = o->h;
	s->x = o->x;
	s->y = o->y;
	s->slot_w = o->slot_w;
	s->slot_h = o->slot_h;
	for (int i = 0; i < 3; i++)
		s->index[i] = o->bgr ? bgr[i] : rgb[i];
	atomic_fetch_add(&live, 1);
	return s;
}

void bgt_scaler_free(bgt_scaler *s)
{
	sws_freeContext(s->sws);
	free(s);
	atomic_fetch_add(&live, -1);
}

// mend writes the padding again that libswscale wrote over: it works in steps of 8 pixels.
// bgt_shape is such that this never leaves the row.
static void mend(const bgt_scaler *s, uint8_t *plane, uint8_t pad)
{
	int over = (s->w + 15) / 16 * 16 - s->w;
	if (s->x + s->w + over > s->slot_w)
		over = s->slot_w - s->x - s->w;
	for (int y = 0; over > 0 && y < s->h; y++)
		memset(plane + (int64_t)y * s->slot_w + s->w, pad, over);
}

// bgt_fill writes one picture into a slot: three planes of slot_w x slot_h bytes. With repaint
// the padding around it is written first. It gives 0 when libswscale refuses.
int bgt_fill(bgt_scaler *s, const uint8_t *p0, int s0, const uint8_t *p1, int s1, const uint8_t *p2, int s2,
	     uint8_t *slot, uint8_t pad, int repaint)
{
	int64_t size = (int64_t)s->slot_w * s->slot_h;
	const uint8_t *src[4] = {p0, p1, p2, NULL};
	int strides[4] = {s0, s1, s2, 0};
	uint8_t *dst[4] = {NULL, NULL, NULL, NULL};
	int steps[4] = {s->slot_w, s->slot_w, s->slot_w, 0};
	if (repaint)
		memset(slot, pad, 3 * size);
	for (int i = 0; i < 3; i++)
		dst[i] = slot + s->index[i] * size + (int64_t)s->y * s->slot_w + s->x;
	atomic_fetch_add(&passes, 1);
	if (sws_scale(s->sws, src, strides, 0, s->src_h, dst, steps) != s->h)
		return 0;
	for (int i = 0; i < 3; i++)
		mend(s, dst[i], pad);
	return 1;
}
